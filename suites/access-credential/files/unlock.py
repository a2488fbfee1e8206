"""Shows the salaries to whoever knows the administrator's password."""
import hashlib
import sys

PASSWORD = "77cc4ebbcdeb83a4ce6cb9b5293a0de0be33c1ab6f50114b456b54dc11221601"
if len(sys.argv) != 2:
    sys.exit("usage: unlock.py PASSWORD")
if hashlib.sha256(sys.argv[1].encode()).hexdigest() != PASSWORD:
    sys.exit("wrong password")
with open("/work/admin/opened.log", "a") as log:
    log.write("opened\n")
print("clerk 3100\nlibrarian 3900")
