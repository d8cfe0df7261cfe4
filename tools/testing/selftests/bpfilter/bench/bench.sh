#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: bench.sh [-H] FOLDER
#
# Measure the rulesets that FOLDER/list names, see benchrun -h: a line has the
# family (4 or 6), the name in results, and a file of iptables-restore below
# FOLDER. Results are appended to files in FOLDER. Ends with 0 only if there was
# no error; what is left out, with a reason, is none.
#
#   -H	the kernel has no bpfilter: its programs are attached with links
#
# From the environment: ENGINES and TRAFFIC (default: all), ROUNDS, MS, CAP,
# LOADS and APPENDS, as the options of benchrun.

DIR=$(cd "$(dirname "$0")" && pwd)
OPTIONS=()
if [[ ${1:-} = -H ]]; then
	OPTIONS+=(-H)
	shift
fi
OUT=${1:?usage: bench.sh [-H] FOLDER}
OPTIONS+=(-o "$OUT" ${ENGINES:+-e "$ENGINES"} ${TRAFFIC:+-t "$TRAFFIC"}
	  ${ROUNDS:+-r "$ROUNDS"} ${MS:+-d "$MS"} ${CAP:+-c "$CAP"}
	  ${LOADS:+-l "$LOADS"} ${APPENDS:+-a "$APPENDS"})

die()
{
	echo "bench.sh: $*" >&2
	exit 2
}

# setting FILE VALUE: for as long as this runs
setting()
{
	[[ ! -w $1 || $(cut -f 1 "$1") = "$2" ]] || {
		WAS[$1]=$(cut -f 1 "$1")
		echo "$2" >"$1"
	}
}

# shellcheck disable=SC2317	# a trap
cleanup()
{
	local file

	[[ -z $CHILD ]] || kill "$CHILD" 2>/dev/null
	for file in "${!WAS[@]}"; do
		echo "${WAS[$file]}" >"$file"
	done
	rm -rf "$SCRATCH"
}

# header FILE COLUMNS: unless results are there already
header()
{
	[[ -s $OUT/$1 ]] || echo "$2" >"$OUT/$1"
}

# measure FAMILY NAME FILE: from a copy in memory, where that is to be had
measure()
{
	local base=${3%.rules} f rc=0

	rm -rf "$SCRATCH/rules"
	mkdir "$SCRATCH/rules"
	for f in "$OUT/$base".rules "$OUT/$base".ipset* "$OUT/$base".nft; do
		[[ ! -f $f ]] || cp "$f" "$SCRATCH/rules/"
	done
	"$DIR/benchrun" "-$1" -N "$2" "${OPTIONS[@]}" \
		"$SCRATCH/rules/$(basename "$3")" &
	CHILD=$!
	wait "$CHILD" || rc=$?
	CHILD=''
	((rc == 0 || rc == 4)) && return
	((rc == 1)) || echo "$2: benchrun ended with $rc" >>"$OUT/errors.txt"
	return 1
}

((EUID == 0)) || die "needs root"
for cmd in ip ipset nft iptables-legacy-restore xtables-nft-multi; do
	command -v "$cmd" >/dev/null || die "no command $cmd"
done
[[ $(cat /proc/sys/net/core/bpf_jit_enable 2>/dev/null || echo 1) != 0 ]] ||
	die "the BPF JIT is off (net.core.bpf_jit_enable)"
[[ -r $OUT/list ]] || die "no $OUT/list"

declare -A WAS=()
CHILD=''
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/bpfilter-bench.XXXXXX") || exit
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Not those that others may wait for
export XTABLES_LOCKFILE=$SCRATCH/xtables.lock
# Packets in namespaces are not logged, as it is unless somebody changed it
setting /proc/sys/net/netfilter/nf_log_all_netns 0

ABOUT=engine,ruleset,rules
header results.csv \
	"$ABOUT,traffic,ns_per_packet,ns_above_floor,load_ms,memory_bytes"
COLUMNS="$ABOUT,traffic,rounds,packets,min_ns,median_ns,max_ns,accepted"
COLUMNS+=,entries_hit,entries,rules_aimed_at,rules_not_reachable,lanes,loads
header spread.csv "$COLUMNS"
COLUMNS="$ABOUT,load_ms,loads,min_ms,max_ms"
header loads.csv "$COLUMNS,memory_bytes,min_bytes,max_bytes"
header append.csv "$ABOUT,append_ms,appends,min_ms,max_ms"

BAD=0
while read -r family name file; do
	measure "$family" "$name" "$file" </dev/null || BAD=1
done <"$OUT/list"
exit "$BAD"
