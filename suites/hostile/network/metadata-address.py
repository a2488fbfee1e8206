# A cloud gives a machine's credentials to whoever asks from inside of it.
import socket
import urllib.request

from kit import attempt, finish

socket.setdefaulttimeout(0.5)
ASKED = {
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/": {},
    "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token": {"Metadata-Flavor": "Google"},
    "http://169.254.169.254/metadata/identity/oauth2/token?resource=x": {"Metadata": "true"},
    "http://169.254.170.2/v2/credentials": {},
    "http://[fd00:ec2::254]/latest/meta-data/": {},
    "http://100.100.100.200/latest/meta-data/": {},
}
for url, headers in ASKED.items():
    attempt(url, lambda: urllib.request.urlopen(urllib.request.Request(url, headers=headers)).read(100))
token = urllib.request.Request("http://169.254.169.254/latest/api/token", method="PUT")
attempt("session token", lambda: urllib.request.urlopen(token).read(100))
finish()
