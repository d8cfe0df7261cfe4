# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the scripts of this folder share: where things are, steps with a log
# and elapsed time, stamps that tell whether a step has to run again.
#
# Environment: BUILD is the build folder (default: build beside the Makefile).

set -u -o pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
BUILD=${BUILD:-$TOP/build}
[[ $BUILD = /* ]] || BUILD=$PWD/$BUILD
LINUX=$BUILD/linux		# git work tree: base and series
LOGS=$BUILD/log
STAMPS=$BUILD/stamp

die()
{
	echo "error: $*" >&2
	exit 1
}

log_tail()
{
	echo "--- last lines of $1" >&2
	tail -n "${2:-30}" "$1" >&2
	echo "---" >&2
}

# Show that a step is alive until killed: on a terminal every second, elsewhere
# once a minute.
step_watch()
{
	local text=$1 t

	trap exit TERM
	for ((t = 0; ; t++)); do
		if [[ -t 1 ]]; then
			printf '\r%s ... %d s ' "$text" "$t"
		elif ((t && t % 60 == 0)); then
			echo "$text ... $t s"
		fi
		sleep 1
	done
}

# step TEXT LOG COMMAND...: run a command with its output in $LOGS/LOG.log
step()
{
	local text=$1 log=$LOGS/$2.log start=$SECONDS watch rc=0

	shift 2
	mkdir -p "$LOGS"
	[[ -t 1 ]] || echo "$text ..."
	step_watch "$text" &
	watch=$!
	("$@") >"$log" 2>&1 </dev/null || rc=$?
	kill "$watch" 2>/dev/null
	wait "$watch" 2>/dev/null
	[[ -t 1 ]] && printf '\r'
	if ((rc)); then
		echo "$text: failed after $((SECONDS - start)) s, log $log"
		log_tail "$log"
		return "$rc"
	fi
	echo "$text: done in $((SECONDS - start)) s"
}

# hash_files FILE...: one checksum over names and contents
hash_files()
{
	sha256sum -- "$@" | sha256sum | cut -c1-40
}

stamp_is()
{
	[[ -f $STAMPS/$1 && $(<"$STAMPS/$1") = "$2" ]]
}

stamp_set()
{
	mkdir -p "$STAMPS"
	echo "$2" >"$STAMPS/$1"
}

# Several commands may want to set up the same build folder at once: the first
# one does it, the others wait.
build_lock()
{
	mkdir -p "$BUILD"
	exec {BUILD_LOCK}>"$BUILD/.lock"
	flock -n "$BUILD_LOCK" && return
	echo "waiting for another command that works in $BUILD ..."
	flock "$BUILD_LOCK"
}

build_unlock()
{
	exec {BUILD_LOCK}>&-
}

lgit()
{
	git -C "$LINUX" "$@"
}
