# SPDX-License-Identifier: MIT
# Shell functions shared by the scripts of this folder. Sourced, never run.
#
# Sets top (the source tree), build (its build folder), stamps and logs, and
# apt, the private apt root that the functions below look into.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build
stamps=$build/stamps
logs=$build/log
apt=$build/apt

# Nothing here may stop to ask, or look different in another language.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
# sbin holds modprobe, ldconfig and debootstrap; a plain user's PATH lacks it.
export PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }

# die MESSAGE [CURE]: print both on stderr and stop.
die()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	[ -z "${2-}" ] || printf '%s: %s\n' "${0##*/}" "$2" >&2
	exit 1
}

# lock NAME: wait until no other run is at work on NAME; held until we end.
lock()
{
	mkdir -p "$build/lock"
	exec 9>"$build/lock/$1"
	flock 9
}

# root COMMAND...: run COMMAND as root, through sudo unless we are root already.
root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	else
		die "'$*' needs root, and there is no sudo" "run the same command as root, or install sudo"
	fi
}

# codename: the Debian release of this machine, bookworm or trixie.
codename()
{
	local ID= VERSION_CODENAME= PRETTY_NAME=
	[ -r /etc/os-release ] || die "no /etc/os-release: this is not a Debian system" \
		"use Debian 12 or 13; a container or a chroot of one will do"
	# shellcheck disable=SC1091
	. /etc/os-release
	case $ID:$VERSION_CODENAME in
	debian:bookworm | debian:trixie) echo "$VERSION_CODENAME" ;;
	*)
		die "this is ${PRETTY_NAME:-an unknown system}, not Debian 12 or 13" \
			"use Debian 12 or 13; a container or a chroot of one will do"
		;;
	esac
}

# A stamp is a file whose content says what a step was made from: the step is
# done when the stamp says the same as what it would be made from now.
stamp_ok() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp_set()
{
	mkdir -p "$stamps"
	printf '%s\n' "$2" >"$stamps/$1.tmp"
	mv "$stamps/$1.tmp" "$stamps/$1"
}

# private_apt COMMAND ARGS...: an apt tool that works on the private root only.
private_apt()
{
	local tool=$1
	shift
	"$tool" -c "$apt/apt.conf" "$@"
}

# candidate PACKAGE: the version that the private root offers.
candidate()
{
	local version
	version=$(private_apt apt-cache policy "$1" | sed -n 's/^  Candidate: //p')
	case $version in
	'' | '(none)') die "the package archive offers no package '$1'" \
		"check that the Debian mirror in the machine's apt configuration is complete" ;;
	esac
	echo "$version"
}

# kernel_dir NAME: where that kernel is, "stock" or "debug".
kernel_dir()
{
	case $1 in
	stock) echo "$build/kernel" ;;
	debug) echo "$build/kernel-debug" ;;
	*) die "unknown kernel '$1'" "there are two: stock and debug" ;;
	esac
}

# depends PACKAGE PREFIX: the name of PACKAGE's dependency that starts so.
depends()
{
	private_apt apt-cache show "$1=$(candidate "$1")" | sed -n 's/^Depends: //p' |
		tr ',|' '\n\n' | sed 's/^ *//; s/ .*//' | grep -m1 "^$2" ||
		die "package $1 depends on no $2*" "has Debian's kernel packaging changed?"
}

# fetch_debs DIR PACKAGE=VERSION...: download binary packages and unpack them
# into DIR. Nothing of them is run and nothing is installed. What a call that was
# cut short has downloaded is not fetched again.
fetch_debs()
{
	local dir=$1 debs=$apt/debs spec version deb
	shift
	mkdir -p "$debs" "$dir"
	(cd "$debs" && private_apt apt-get -q download "$@")
	for spec; do
		# A file's name has the version's colon quoted.
		version=${spec#*=}
		deb=$(echo "$debs/${spec%%=*}_${version//:/%3a}"_*.deb)
		say "unpacking ${deb##*/}"
		dpkg-deb -x "$deb" "$dir"
		rm "$deb"
	done
}

# sanitized COMMAND...: run a program, or what starts one, that scripts/qemu sanitized built: what a sanitizer
# finds ends it and is shown with function names and lines.
sanitized()
{
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS-} \
		ASAN_SYMBOLIZER_PATH=${ASAN_SYMBOLIZER_PATH-/usr/bin/llvm-symbolizer-19} "$@"
}
