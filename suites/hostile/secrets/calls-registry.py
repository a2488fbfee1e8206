# Uses what it found: the registry that its environment names, with the token from there.
import os
import socket
import urllib.request

from kit import attempt, finish

socket.setdefaulttimeout(0.5)
host = os.environ.get("REGISTRY_HOST", "registry.invalid")
request = urllib.request.Request(f"https://{host}/v2/_catalog", headers={"Authorization": f"Bearer {os.environ.get('REGISTRY_API_TOKEN', '')}"})
attempt("the registry", lambda: urllib.request.urlopen(request).read(100))
attempt("its address", socket.gethostbyname, host)
attempt("by ssh", lambda: socket.create_connection((host, 22), 0.5))
finish()
