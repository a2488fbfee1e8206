# Functions, arithmetic, traps and here-documents.
fibonacci() {
  a=0 b=1 i=0
  while [ "$i" -lt "$1" ]; do
    c=$((a + b)) a=$b b=$c i=$((i + 1))
  done
  echo "$a"
}
trap 'echo "cleaning up"; rm -f scratch.$$' EXIT
fibonacci 50 > scratch.$$
cat scratch.$$
case $(cat scratch.$$) in
  12586269025) echo right ;;
  *) exit 1 ;;
esac
find . -name 'scratch*' | wc -l
echo "home is $HOME, path is $PATH"
