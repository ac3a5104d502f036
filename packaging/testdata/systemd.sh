#!/bin/sh
# Boots systemd in a host of its own: this machine's /usr, to which nothing is written, and all else empty. It is run with
# a directory, the directory of a cgroup, and files for the host's /root. Its first line is the process id of that systemd.
set -eu
if [ "$1" != inside ]; then
	echo $$ >"$2/cgroup.procs"
	exec unshare --mount --propagation private --pid --fork --kill-child --uts --ipc --net --cgroup -- "$0" inside "$@"
fi
dir=$2
shift 3

mount -t tmpfs -o mode=755 tmpfs "$dir"
root=$dir/root
mkdir "$dir/upper" "$dir/work" "$root"
mount --bind "$root" "$root"
cd "$root"
mkdir -p usr proc sys dev run tmp etc root old var/log var/lib/dpkg/info var/lib/dpkg/updates
mount -t overlay -o "lowerdir=/usr,upperdir=$dir/upper,workdir=$dir/work" overlay usr
for link in bin sbin lib lib64; do
	[ ! -L "/$link" ] || ln -s "usr/$link" "$link"
done
for file; do
	cp "$file" root/
done
: >var/lib/dpkg/status
: >etc/machine-id
echo 'root:x:0:0::/root:/bin/sh' >etc/passwd
echo 'root:x:0:' >etc/group
echo magnus >etc/hostname
hostname magnus

# As container managers do it: of the kernel only the cgroups may be changed, and units that are about hardware are gone.
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs usr/lib/systemd/system/sysinit.target.wants
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty; do
	: >"dev/$device"
	mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ip link set lo up

read -r pid _ </proc/self/stat
pivot_root . old
cd /
umount -l old
echo "$pid"
exec env -i container=unibus PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --show-status=0 --unit=basic.target
