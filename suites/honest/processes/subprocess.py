# Other programs, their output and their ends.
import subprocess
import sys

said = subprocess.run(["sort", "-n"], input="10\n9\n100\n", capture_output=True, text=True, check=True).stdout
print(said.split())
print(subprocess.check_output([sys.executable, "-c", "print(6 * 7)"], text=True).strip())
one = subprocess.Popen(["printf", "b\\na\\nb\\n"], stdout=subprocess.PIPE)
two = subprocess.run(["uniq", "-c"], stdin=one.stdout, capture_output=True, text=True, check=True)
one.stdout.close()
one.wait()
print(two.stdout.split())
assert subprocess.run(["false"], check=False).returncode == 1
