#!/bin/sh
# Writes the root file system of the `python` sandbox image as a tar file, from this machine's own Debian or Ubuntu
# packages: no image registry, no debootstrap, and nothing is installed on this machine.
#
#   build-rootfs.sh WORK_DIR OUT_TAR
#
# Packages are unpacked, not configured: maintainer scripts would need perl, debconf and root, and all a sandbox keeps
# of their work is a handful of links and the byte-compiled standard library, which are made here.
set -eu
umask 022
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
work=$1
out=$2
root=$work/root
rm -rf "$work"
mkdir -p "$work/debs/partial" "$root"
: > "$work/status"

# An empty package database makes apt name the whole closure, not only what this machine happens to lack.
resolve() {
  # shellcheck disable=SC2046 # one word a package is what is wanted
  apt-get install -qq --yes --no-install-recommends --print-uris \
    -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work/debs" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 \
    $(cat "$here/packages.txt")
}

# What only package management needs has no place in a sandbox: less to download, less for a guest to use.
resolve | awk -F"'" '/^\047/ { split($3, part, " "); split(part[1], name, "_"); print name[1] }' |
  grep -Ev '^(perl|perl-base|perl-modules-.*|libperl.*|lib.*-perl|dpkg|debconf|libdebconf.*|usrmerge|usr-is-merged|init-system-helpers|gcc-.*-base|libgdbm.*|libdb5.*|media-types|util-linux-extra|libaudit-common)$' \
  > "$work/closure"
# The byte-compiled database interfaces stay out with libdb; everything else of the standard library is there.
(cd "$work/debs" && xargs apt-get download -qq -o APT::Sandbox::User=root -o Dir::State::status="$work/status" \
  -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 < "$work/closure")

for dir in bin sbin lib lib64; do
  mkdir -p "$root/usr/$dir"
  ln -s "usr/$dir" "$root/$dir"
done
for deb in "$work"/debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink --no-same-owner \
    --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/info' \
    --exclude='./usr/share/lintian' --exclude='./usr/share/bash-completion' --exclude='./usr/share/bug' \
    --exclude='./usr/share/menu' --exclude='./lib/systemd' --exclude='./etc/init.d' --exclude='./etc/cron.*' \
    --exclude='./usr/lib/*/gconv'
done

# The few effects of maintainer scripts that programs rely on.
[ -e "$root/bin/sh" ] || ln -s dash "$root/usr/bin/sh"
[ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
printf '127.0.0.1 localhost\n' > "$root/etc/hosts"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/run" "$root/work" "$root/root"
chmod 1777 "$root/tmp"
# A sandbox has no use for set-user-id programs, and hostile code would.
find "$root" -xdev -type f -perm /6000 -exec chmod a-s {} +

# The root is read-only in a sandbox, so Python could never keep what it compiles there: unchecked files also spare a
# stat of every source. Without the right to chroot the image still works, with a slower first import.
if [ "$(id -u)" = 0 ]; then enter='chroot'; else enter='unshare --map-root-user chroot'; fi
mkdir -p "$root/dev"
$enter "$root" /usr/bin/python3 -I -m compileall -q -j 0 --invalidation-mode unchecked-hash \
  -x '/(test|tests|idlelib|lib2to3|turtledemo|ensurepip|pydoc_data|distutils)/' /usr/lib/python3* > "$work/compile.log" 2>&1 || true

# Numeric, sorted and dated alike: the same packages give the same bytes.
tar -c -C "$root" --sort=name --numeric-owner --owner=0 --group=0 --mtime='2020-01-01 00:00:00Z' -f "$out.partial" .
mv "$out.partial" "$out"
rm -rf "$work"
