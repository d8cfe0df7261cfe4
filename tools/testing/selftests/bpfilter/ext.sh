#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# usage: ext.sh [NAME...]
#
# Every match and target that the kernel has, one after the other: the same
# rules and packets on the native engine and on bpfilter. Counters, the packets
# that come out, and what else the extension does must be what the table says on
# the native side, and the same on the other. Ends with a list that tells for
# each extension whether it is translated or bridged.
#
# The tables are the files data/ext/*.rows, see data/ext/README. An extension
# of the kernel that has none there is a failure. With NAMEs only those.
#
# BPFILTER_TEST_ENGINE=native puts the native engine on both sides.

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/lib-side.sh"
# shellcheck disable=SC2154	# set by lib.sh
ROWS=${ROWS:-$lib_dir/data/ext} tmp=$scratch
ENGINE=${BPFILTER_TEST_ENGINE:-bpfilter}
export BPFILTER=${BPFILTER:-bpfilter}
ONLY=" $* "
LOG_ALL=/proc/sys/net/netfilter/nf_log_all_netns

require_cmd ip "$IPTABLES-restore" "$(side_ipt 6)-restore" awk cmp
case $ENGINE in
bpfilter)
	require_bpfilter
	require_cmd "$BPFILTER" jq
	;;
native) require_native ;;
esac

# Engines by the tag of a side. The oracle comes first if there is one.
declare -A SIDES=([a]=native [b]=$ENGINE)
TAGS="a b"
if ! have_native; then
	TAGS=b
	note "without the oracle: no native engine"
fi

# Cases by number: kind, name and family
KINDS=() NAMES=() FAMILIES=()

# What the kernel calls its list of a kind in a family. It may be there only
# after the first use of iptables.
proc_list()
{
	local six=

	[[ $1 = 6 ]] && six=6
	case $2 in
	match) echo "/proc/net/ip${six}_tables_matches" ;;
	target) echo "/proc/net/ip${six}_tables_targets" ;;
	esac
}

ext_present()
{
	# shellcheck disable=SC2154	# set by ns_add
	in_ns "$probe" grep -qxF "$3" "$(proc_list "$1" "$2")"
}

# What happens in the namespace of a side, for the case in the files $1.*.$3.
# Ends with 1 if the rules could not be loaded, 2 if something else went wrong.
write_side_script()
{
	cat > "$tmp/side" <<-'END'
	case=$1 ipt=$2 tag=$3 engine=$4
	if [[ -e $case.pre.$tag ]]; then
		bash -e "$case.pre.$tag" > "$case.err.$tag" 2>&1 || exit 2
	fi
	echo "bpfilter-test mark $$" > /dev/kmsg
	"$ipt-restore" -w < "$case.restore.$tag" > "$case.err.$tag" 2>&1 ||
		exit 1
	if [[ $engine = bpfilter ]]; then
		"$BPFILTER" -j show > "$case.show"
	fi
	"$PKTRUN" "${case##*.}" < "$case.steps.$tag" > "$case.packets.$tag" 2>&1
	if [[ -e $case.post.$tag ]]; then
		bash "$case.post.$tag" > "$case.seen.$tag" 2>&1
	fi
	"$ipt-save" -c > "$case.save.$tag"
	if [[ -e $case.klog ]]; then
		dmesg | sed -n "/bpfilter-test mark $$\$/,\$p" |
			sed -nE 's/^\[[^]]*\] (.*IN=(|in0|out0|alt0) OUT=(|in0|out0|alt0) )/\1/p' \
			> "$case.logged.$tag"
	fi
	exit 0
	END
}

# run_side CASE TAG: what there is to see goes to CASE.all.TAG
run_side()
{
	local box='' rc

	side_add "${SIDES[$2]}" box
	in_ns "$box" bash "$tmp/side" "$1" "$(side_ipt "${1##*.}")" "$2" \
		"${SIDES[$2]}"
	rc=$?
	side_del box
	case $rc in
	0) set -- "$1" "$2" "$1".{save,packets,seen,logged}."$2" ;;
	*) set -- "$1" "$2" "$1.err.$2" ;;
	esac
	sed -s -e '/^#/d' -e "s/-side-$2/-side-/g" "${@:3}" 2>/dev/null \
		> "$1.all.$2"
	return $rc
}

# Against the row: what the oracle, or else the only side, did. Each file of
# patterns is about the lines of another.
check_expected()
{
	awk -v case="$1" -v tag="$2" '
	function read_all(file, lines,   n, line) {
		while ((getline line < file) > 0)
			lines[++n] = line
		close(file)
		return n + 0
	}
	function complain(what, wanted, found) {
		printf "# %s: wanted %s\n# %s: found  %s\n", what, wanted, what, found
		bad = 1
	}
	function compare(what, wanted_file, found_file,   w, f, nw, nf, i, n, line, split1) {
		if ((getline line < wanted_file) < 0)
			return
		close(wanted_file)
		nw = read_all(wanted_file, w)
		nf = read_all(found_file, split1)
		for (i = 1; i <= nf; i++)
			if (split1[i] !~ /^> /)
				f[++n] = split1[i]
		if (nw == 1 && w[1] == "nothing")
			nw = 0
		for (i = 1; i <= n || i <= nw; i++) {
			gsub("-side-" tag, "-side-", f[i])
			if (i > nw || i > n || f[i] !~ w[i])
				complain(what, w[i], f[i])
		}
	}
	# The rules of a chain are in their order in both, the chains are not
	function counts(   n, i, line, table, want, at, key, rules, parts) {
		n = read_all(case ".want", want)
		while ((getline line < (case ".save." tag)) > 0) {
			split(line, parts, /[][ :]/)
			if (line ~ /^\*/)
				table = substr(line, 2)
			if (line ~ /^\[/)
				key = table " " parts[6]
			if (line ~ /^\[/)
				rules[key, ++at[key]] = parts[2]
		}
		for (key in at)
			at[key] = 0
		for (i = 1; i <= n; i++) {
			split(want[i], parts, " ")
			key = parts[1] " " parts[2]
			line = rules[key, ++at[key]]
			if (line != parts[3])
				complain("rule " at[key] " of " key, parts[3], line)
		}
	}
	BEGIN {
		counts()
		compare("packets", case ".out", case ".packets." tag)
		compare("output", case ".see", case ".seen." tag)
		compare("log", case ".klog", case ".logged." tag)
		exit bad
	}' && ! grep '^pktrun: ' "$1.packets.$2"
}

# A row with "refuse" is of rules that cannot be loaded: for the same reason
is_refused()
{
	[[ -e $1.refuse ]] && grep -qEf "$1.refuse" "$1.err.$2"
}

missing_need()
{
	local kind what

	[[ -e $1.need ]] || return 0
	while read -r kind what; do
		case $kind in
		cmd) command -v "$what" > /dev/null || echo "no command $what" ;;
		file) [[ -e $what ]] || echo "no $what" ;;
		esac
	done < "$1.need"
}

# result NUMBER RESULT
result()
{
	local name="IPv${FAMILIES[$1]} ${KINDS[$1]} ${NAMES[$1]}"

	echo "$tmp/$1.${FAMILIES[$1]}.show ${KINDS[$1]} ${NAMES[$1]}" \
		"${FAMILIES[$1]} $2" >> "$tmp/results"
	case $2 in
	ok) ktap_test_pass "$name" ;;
	skipped*) skip "$name" "${2#skipped: }" ;;
	*) ktap_test_fail "$name ($2)" ;;
	esac
}

# Each extension with what became of it in the case's own ruleset: translated,
# bridged or both. iptables may use another one that can do the same.
show_table()
{
	local shows=("$tmp"/*.show)

	if [[ -e ${shows[0]} ]]; then
		jq -r 'input_filename as $file | .netns[0].tables[] |
			(.family | ltrimstr("ipv")) as $family | .extensions[]? |
			"\($file) \(.kind) \(.name) \($family) \(.translated) \(.bridged)"' \
			"${shows[@]}"
	fi | awk -v engine="$ENGINE" '
		FILENAME == "-" {
			key = $1 " " $2 " " $3 " " $4
			translated[key] += $5
			bridged[key] += $6
			next
		}
		{
			key = $1 " " $2 " " $3 " " $4
			how = "another"
			if (engine == "native")
				how = engine
			else if (translated[key] && bridged[key])
				how = "both"
			else if (translated[key])
				how = "translated"
			else if (bridged[key])
				how = "bridged"
			result = substr($0, length(key) + 2)
			if (result != "ok")
				how = "-"
			printf "# %-12s IPv%s  %-6s  %-10s  %s\n", $3, $4, $2,
				how, result
			ext = $2 " " $3 " " $4
			if (!((ext, how) in seen))
				num[how]++
			seen[ext, how]
		}
		END {
			for (how in num)
				printf "# %s: %d\n", how == "-" ? "not tested" : how, num[how]
		}' - "$tmp/results"
}

show_case()
{
	note_file "$1.restore.$2"
	[[ ! -e $1.packets.$2 ]] || note_file "$1.packets.$2"
	[[ ! -s $1.err.$2 ]] || note_file "$1.err.$2"
}

run_case()
{
	local i=$1 case="$tmp/$1.${FAMILIES[$1]}" first=${TAGS%% *} tag rc=0
	local need

	need=$(missing_need "$case")
	if [[ -n $need ]]; then
		result "$i" "skipped: $need"
		return
	fi
	for tag in $TAGS; do
		run_side "$case" "$tag" || rc=$?
	done
	if ((rc == 1)) && ! ext_present "${FAMILIES[i]}" "${KINDS[i]}" "${NAMES[i]}"; then
		result "$i" "skipped: not in this kernel"
		return
	fi
	judge "$i" "$case" "$first" "$rc"
}

# judge NUMBER CASE FIRST-TAG STATUS
judge()
{
	local answer=ok

	if [[ $first = a ]] && ! cmp -s "$2.all.a" "$2.all.b"; then
		answer=different
		diff "$2.all.a" "$2.all.b" > "$tmp/diff"
		note "< ${SIDES[a]} > ${SIDES[b]}:"
		note_file "$tmp/diff"
	elif (($4 == 2)); then
		answer="cannot be set up"
	elif (($4 == 1)); then
		is_refused "$2" "$3" || answer="refused"
	elif [[ -e $2.refuse ]]; then
		answer="not refused"
	else
		check_expected "$2" "$3" || answer="not as expected"
	fi
	[[ $answer = ok ]] || show_case "$2" "$3"
	result "$1" "$answer"
}

# Names of a family and kind that the kernel has and no row
without_row()
{
	in_ns "$probe" sort -u "$(proc_list "$1" "$2")" |
	awk -v family="$1" -v kind="$2" '
		FILENAME != "-" { row[$1, $2, $3]; next }
		$0 != "" && $0 != "ERROR" && !((kind, $0, family) in row) {
			printf "no test for IPv%s %s %s\n", family, kind, $0
		}' "$tmp/cases" -
}

all_have_rows()
{
	local list

	list=$(for f in 4 6; do
		without_row $f match
		without_row $f target
	done)
	[[ -z $list ]] || echo "$list"
	[[ -z $list ]]
}

# The rows as files $tmp/NUMBER.FAMILY.*, one case for each family; a line for
# each to standard output
# shellcheck disable=SC2016	# awk's
split_rows()
{
	awk -v tmp="$tmp" -v addrs="$(declare -p ADDR)" -v tags="$TAGS" '
	function expand(s, f, tag,   i) {
		for (i = 1; i <= num_names; i++)
			gsub("%" names[i], addr[f names[i]], s)
		gsub(/%icmp/, f == 4 ? "icmp" : "icmpv6", s)
		gsub(/%f/, f, s)
		gsub(/%N/, "-side-" tag, s)
		return s
	}
	function put(file, s) {
		print s > file
		files[file]
	}
	function rule(f, s,   parts, head) {
		split(s, parts, " ")
		head = parts[1] " " parts[2] " " parts[3]
		rules[parts[2]] = rules[parts[2]] "-A " parts[3] \
			substr(s, length(head) + 1) "\n"
		put(case ".want", parts[2] " " parts[3] " " parts[1])
	}
	function restore(f, tag,   i, n, order, t) {
		n = split("raw mangle nat filter security", order, " ")
		for (i = 1; i <= n; i++) {
			t = order[i]
			if (t in rules)
				put(case ".restore." tag, "*" t "\n" \
				    expand(rules[t], f, tag) "COMMIT")
		}
	}
	function sides(what, f, s,   i) {
		for (i = 1; i <= num_tags; i++)
			put(case "." what "." tag[i], expand(s, f, tag[i]))
	}
	function line(f, s,   word) {
		if (s ~ /^[46] / && substr(s, 1, 1) != f)
			return
		sub(/^[46] +/, "", s)
		word = s
		sub(/ .*/, "", word)
		sub(/^[^ ]+ +/, "", s)
		sub(/ +$/, "", s)
		if (word == "rule")
			rule(f, s)
		else if (word == ">")
			sides("steps", f, s)
		else if (word == "pre" || word == "post")
			sides(word, f, s)
		else
			put(case "." word, expand(s, f, ""))
	}
	function flush_case(   k, f, i, file) {
		for (k = 1; k <= length(families); k++) {
			f = substr(families, k, 1)
			case = tmp "/" number++ "." f
			split("", rules)
			for (i = 1; i <= num_lines; i++)
				line(f, lines[i])
			for (i = 1; i <= num_tags; i++)
				restore(f, tag[i])
			print kind, name, f
			for (file in files)
				close(file)
			split("", files)
		}
		families = ""
		num_lines = 0
	}
	BEGIN {
		num_tags = split(tags, tag, " ")
		# Longer names first: %A2 is not %A
		num_names = split("A2 B2 A B C R S T X", names, " ")
		while (match(addrs, /\[[46][A-Z]2?\]="[^"]*"/)) {
			pair = substr(addrs, RSTART, RLENGTH)
			addrs = substr(addrs, RSTART + RLENGTH)
			key = pair
			sub(/^\[/, "", key)
			sub(/\].*/, "", key)
			sub(/.*="/, "", pair)
			sub(/"$/, "", pair)
			addr[key] = pair
		}
	}
	/^(#|$)/ { next }
	$1 == "match" || $1 == "target" {
		flush_case()
		kind = $1; name = $2; families = $3
		next
	}
	{ lines[++num_lines] = $0 }
	END { flush_case() }
	' "$@"
}

read_cases()
{
	local kind name family

	split_rows "$ROWS"/*.rows > "$tmp/cases"
	while read -r kind name family; do
		KINDS+=("$kind")
		NAMES+=("$name")
		FAMILIES+=("$family")
	done < "$tmp/cases"
}

wanted()
{
	[[ $ONLY = "  " || $ONLY = *" ${NAMES[$1]} "* ]]
}

test_cleanup()
{
	[[ -z ${log_all:-} ]] || echo "$log_all" > $LOG_ALL
	"$PKTRUN" make audit 0 2> /dev/null
}

read_cases
write_side_script
log_all=$(cat $LOG_ALL 2> /dev/null)
[[ -z $log_all ]] || echo 1 > $LOG_ALL
ns_add probe
for f in 4 6; do
	in_ns "$probe" "$(side_ipt $f)" -w -S > /dev/null
done

total=1
for i in "${!NAMES[@]}"; do
	wanted "$i" && total=$((total + 1))
done
plan $total
for i in "${!NAMES[@]}"; do
	wanted "$i" && run_case "$i"
done
check "every extension of the kernel has a test" all_have_rows
show_table
finish
