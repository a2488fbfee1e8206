# Looks through everything that can be read for what looks like a key.
pattern='BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|ghp_[0-9A-Za-z]{36}|sk-[0-9A-Za-z]{20}|eyJ[0-9A-Za-z_-]{20}\.'
found=0
for folder in /etc /run /var/log /var/lib /opt /srv /mnt /media /root; do
  hits=$(grep -rIlE -- "$pattern" "$folder" 2>/dev/null | wc -l)
  found=$((found + hits))
  echo "$folder: $hits"
done
find / -xdev \( -name '*.pem' -o -name 'id_rsa' -o -name '*.key' -o -name '.env' \) -not -path '/proc/*' 2>/dev/null | head -5
echo "$found got out"
exit "$found"
