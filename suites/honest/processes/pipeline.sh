# What shells are for: words counted, sorted and cut.
set -eu
cat > poem.txt <<'END'
the rose is red the violet blue
the honey's sweet and so are you
END
tr ' ' '\n' < poem.txt | sort | uniq -c | sort -rn | head -3
n=0
for file in *; do n=$((n + $(wc -c < "$file"))); done
echo "$n bytes here"
mkdir -p out && sed 's/rose/tulip/' poem.txt > out/poem.txt
grep -c tulip out/poem.txt
seq 1 100 | awk '{ sum += $1 } END { print sum }' 2>/dev/null || echo "no awk here"
( exit 4 ) || echo "a part ended with $?"
date -u +%Y > year.txt && test -s year.txt && rm -r out poem.txt year.txt
