#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The command: what it shows of helper, tables, extensions and programs, what it
# dumps of live tables and of saved blobs, and how it fails.

# shellcheck disable=SC2154	# $box and its like come from ns_add
# shellcheck disable=SC2153	# $IPTABLES comes from lib.sh
# shellcheck disable=SC3043	# every sh that runs selftests has local

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}
IP6TABLES=${IP6TABLES:-ip6tables-legacy}

require_bpfilter
require_cmd "$BPFILTER" "$IP6TABLES" bpftool jq setpriv

# cmd NS ARGUMENT...: the command in a namespace
cmd()
{
	local ns="$1"

	shift
	in_ns "$ns" "$BPFILTER" "$@"
}

# ask NS FILTER ARGUMENT...: one value of the command's JSON
ask()
{
	local ns="$1" filter="$2"

	shift 2
	cmd "$ns" -j "$@" | jq -r "$filter"
}

# shown NS FILTER [FAMILY]: one value of what is shown of the table filter
shown()
{
	ask "$1" ".netns[0].tables[] | select(.name == \"filter\" and
		.family == \"${3:-ipv4}\") | $2" show
}

# ext NS FAMILY KIND NAME: rules that have an extension, translated and bridged
ext()
{
	shown "$1" ".extensions[] | select(.kind == \"$3\" and
		.name == \"$4\") | \"\(.translated) \(.bridged)\"" "$2"
}

# planned NS CHAIN FILTER: one value of the plan of a chain at INPUT
planned()
{
	ask "$1" ".netns[0].tables[] | select(.name == \"filter\" and
		.family == \"ipv4\").plan[] | select(.hook == \"INPUT\").chains[] |
		select(.chain == \"$2\") | $3" --plan show
}

# A chain of 300 addresses that INPUT jumps to
set_list()
{
	{
		printf '*filter\n:list -\n-A INPUT -j list\n'
		seq -f '-A list -s 192.0.2.%g -j DROP' 0 254
		seq -f '-A list -s 198.51.100.%g -j DROP' 1 45
		echo COMMIT
	} | in_ns "$1" "$IPTABLES-restore" -w -n
}

ipt6()
{
	local ns="$1"

	shift
	in_ns "$ns" "$IP6TABLES" -w "$@"
}

status_of()
{
	"$@" >/dev/null 2>&1
	echo $?
}

# err COMMAND...: its error as JSON tells it
err()
{
	"$@" | jq -r .error
}

# What bpftool tells of the programs with the ids shown
bpftool_shown()
{
	for id in $(shown "$1" '.hooks[].id // empty'); do
		bpftool -j prog show id "$id" |
			jq -r '"\(.id) \(.bytes_xlated) \(.bytes_jited)"'
	done
}

set_rules()
{
	ipt "$1" -N web &&
	ipt "$1" -A web -p tcp --dport 80 -j ACCEPT &&
	ipt "$1" -A web -p udp --sport 53 -j DROP &&
	ipt "$1" -A INPUT -i eth+ -j web &&
	ipt "$1" -P FORWARD DROP
}

# Two rules have a match that only the kernel has, one of them twice, the other
# with such a target
set_rules6()
{
	ipt6 "$1" -A INPUT -p tcp --dport 22 -m limit --limit 1/s \
		-m limit --limit 2/s -j ACCEPT &&
	ipt6 "$1" -A INPUT -s 2001:db8::/32 -m limit --limit 9/s -j LOG &&
	ipt6 "$1" -A INPUT -p udp --dport 53 -j MARK --set-mark 1 &&
	ipt6 "$1" -t mangle -A FORWARD -j MARK --set-mark 1
}

# Of these rules the first is in the way of the second, the fourth of itself, and
# no packet gets to the last
write_rules()
{
	cat <<-END
		*filter
		:INPUT ACCEPT [0:0]
		:lonely - [0:0]
		-A INPUT -s 192.0.2.0/24 -j DROP
		-A INPUT -s 192.0.2.7/32 -j ACCEPT
		-A INPUT -m comment --comment "hello, world" -m limit --limit 9/s -j LOG
		-A INPUT -p tcp -m tcp --dport 22 -m multiport --dports 80,443 -j ACCEPT
		-A INPUT -i lo
		-A INPUT -i lo
		-A lonely -j DROP
		COMMIT
	END
}

write_rules6()
{
	cat <<-END
		*filter
		-A INPUT -s 2001:db8::/32 -j DROP
		-A INPUT -s 2001:db8::7 -j DROP
		COMMIT
	END
}

# nevers ARGUMENT...: what explain says never matches
nevers()
{
	ask "$off" '[.tables[].never[] | "\(.chain) \(.number) \(.never.reason)"] |
		join(",")' "$@"
}

# The rules as iptables-save has them
rules_told()
{
	ask "$1" '.tables[].chains[].rules[] |
		"[\(.packets):\(.bytes)] \(.text)"' rules ipv4
}

rules_saved()
{
	in_ns "$1" "$IPTABLES-save" -c | grep '^\[.*-A '
}

# rule NUMBER FILTER: one value of what is told of a rule of INPUT
rule()
{
	ask "$listed" ".tables[].chains[] | select(.name == \"INPUT\").rules[] |
		select(.number == $1) | $2" rules ipv4 filter INPUT
}

ns_add box off listed
bpfilter_on "$box"
bpfilter_off "$off"
bpfilter_on "$listed"

plan 79

check_is "help succeeds" 0 "$(status_of "$BPFILTER" help)"
check_is "version tells the protocol" 4 \
	"$("$BPFILTER" -j version | jq .protocol)"
check_is "no command is wrong usage" 2 "$(status_of "$BPFILTER")"
check_is "an unknown command is wrong usage" 2 "$(status_of "$BPFILTER" frob)"
check_is "an unknown option is wrong usage" 2 "$(status_of "$BPFILTER" -Z show)"
check_is "an error is JSON if JSON is asked for" \
	'unknown command "frob"' "$(err "$BPFILTER" -j frob)"

check_is "shown on" true "$(ask "$box" '.netns[0].enabled' show)"
check_is "shown off" false "$(ask "$off" '.netns[0].enabled' show)"
check_is "a table that nobody used is not shown" 0 \
	"$(ask "$box" '.netns[0].tables | length' show)"
check_is "a table that nobody used is not dumped" 1 \
	"$(status_of cmd "$box" dump table filter)"
check_is "looking did not make it" 0 \
	"$(ask "$box" '.netns[0].tables | length' show)"

check "rules are set" set_rules "$box"
check_is "engine" bpfilter "$(shown "$box" .engine)"
check_is "rules" 3 "$(shown "$box" .rules)"
check_is "user chains" 1 "$(shown "$box" .chains)"
check_is "entries" 9 "$(shown "$box" .entries)"
check_is "generation" 5 "$(shown "$box" .generation)"
check_is "only the hook with rules has a program" INPUT \
	"$(shown "$box" '[.hooks[] | select(.id).hook] | join(" ")')"
check_is "bpftool knows the program by its id and sizes" \
	"$(bpftool_shown "$box")" "$(shown "$box" '.hooks[] | select(.id) |
		"\(.id) \(.bytes_xlated) \(.bytes_jited)"')"
check "sizes are shown" \
	test "$(shown "$box" '.hooks[] | select(.id).bytes_jited')" -gt 0
check "the counter map has room for each entry" \
	test "$(shown "$box" .counters.bytes)" -ge $((9 * 16))
check_is "the helper was started" true \
	"$(ask "$box" '.helper.starts >= 1' show)"
check "plain output names the engine" \
	sh -c "ip netns exec '$box' '$BPFILTER' show |
		grep -q 'ipv4 filter  engine bpfilter  rules 3'"
check_is "-n looks into a namespace by name" 3 \
	"$(ask "$off" '.netns[0].tables[0].rules' -n "$box" show)"
check_is "-a looks into all of them" "$box $off" \
	"$(ask "$box" "[.netns[].name | select(. == (\"$box\", \"$off\"))] |
		sort | join(\" \")" -a show)"

check_is "IR of a live table" 'web 3' \
	"$(ask "$box" '.chains[] | select(.name == "web") |
		"\(.name) \(.rules | length)"' dump table filter ir)"
check_is "instructions in force end with exit" true \
	"$(ask "$box" '.programs[] | select(.loaded).insns[-1].disasm |
		endswith("exit")' dump table filter insns)"
check "a user chain is a function of its name" \
	sh -c "ip netns exec '$box' '$BPFILTER' -j dump table filter insns |
		jq -e '[.programs[].insns[].function // empty] |
			any(contains(\"web\"))'"
check "a live table can be saved" cmd "$box" dump table filter save \
	"$scratch/blob"
cmd "$box" dump table filter ir > "$scratch/live"
cmd "$box" dump file "$scratch/blob" ir > "$scratch/saved"
check "the saved blob has the same IR" cmp "$scratch/live" "$scratch/saved"
check_is "a saved blob is compiled and not loaded" 'false true' \
	"$(cmd "$box" -j dump file "$scratch/blob" insns |
		jq -r '.programs[] | select(.hook == "INPUT") |
			"\(.loaded) \(.insns | length > 0)"')"

head -c 200 "$scratch/blob" > "$scratch/short"
check_is "a cut blob is an error" 1 \
	"$(status_of "$BPFILTER" dump file "$scratch/short")"
check_is "a file that is missing is an error" \
	"$scratch/none: No such file or directory" \
	"$(err "$BPFILTER" -j dump file "$scratch/none")"

check "a refused blob is refused in the one grammar" \
	sh -c "'$BPFILTER' -j dump file '$scratch/short' | jq -r .error |
		grep '^filter: entries of '"

check_is "a translated match is shown as such" '1 0' \
	"$(ext "$box" ipv4 match tcp)"
check_is "nothing is bridged" '0 0' \
	"$(shown "$box" '"\(.bridged) \(.entries_bridged)"')"

check "rules of IPv6 are set" set_rules6 "$box"
check_is "tables of both families are shown" \
	'ipv4 filter,ipv6 filter,ipv6 mangle' \
	"$(ask "$box" '[.netns[0].tables[] | "\(.family) \(.name)"] | sort |
		join(",")' show)"
check_is "rules of IPv6" 3 "$(shown "$box" .rules ipv6)"
check_is "a match that is translated" '1 0' "$(ext "$box" ipv6 match tcp)"
check_is "a match that is bridged, by rules" '0 2' \
	"$(ext "$box" ipv6 match limit)"
check_is "a target that is translated" '1 0' "$(ext "$box" ipv6 target MARK)"
check_is "a target that is bridged" '0 1' "$(ext "$box" ipv6 target LOG)"
check_is "the kernel counts bridged extensions and entries" '4 2' \
	"$(shown "$box" '"\(.bridged) \(.entries_bridged)"' ipv6)"
check "plain output lists bridged extensions" \
	sh -c "ip netns exec '$box' '$BPFILTER' show |
		grep -qx ' *bridged matches  limit 2'"
check "IR of IPv6 has addresses" \
	sh -c "ip netns exec '$box' '$BPFILTER' dump table ipv6 filter ir |
		grep -q 'ip6_saddr == 2001:db8::/32'"
check_is "without a family a table is one of IPv4" \
	'no ipv4 table "mangle" in this network namespace' \
	"$(err cmd "$box" -j dump table mangle)"
check "a table of IPv6 can be saved" cmd "$box" dump table ipv6 filter save \
	"$scratch/blob6"
cmd "$box" dump table ipv6 filter ir > "$scratch/live6"
cmd "$box" dump file ipv6 "$scratch/blob6" ir > "$scratch/saved6"
check "the saved blob of IPv6 has the same IR" \
	cmp "$scratch/live6" "$scratch/saved6"

check_is "a plan is shown only where it is asked for" null \
	"$(shown "$box" .plan)"
check_is "a short chain is code" '1 null' \
	"$(planned "$box" INPUT '"\(.functions) \(.data)"')"
check "a long list is set" set_list "$box"
# The chain's end is a rule, too
check_is "it is data with one classifier" '0 301 1' \
	"$(planned "$box" list '"\(.functions) \(.data.records) \(.data.classifiers)"')"
check "plain output has the plan" \
	sh -c "ip netns exec '$box' '$BPFILTER' -P show |
		grep -q '^ *list  data, 301 records, 1 classifier, '"

write_rules > "$scratch/my.rules"
write_rules6 > "$scratch/my6.rules"
NEVERS='INPUT 2 shadowed,INPUT 4 contradiction,lonely 1 unreachable'
check_is "what never matches in a file" "$NEVERS" \
	"$(nevers explain "$scratch/my.rules")"
check_is "which rule is in the way" 'INPUT 1 -A INPUT -s 192.0.2.0/24 -j DROP' \
	"$(ask "$off" '.tables[].never[0].never.by |
		"\(.chain) \(.number) \(.text)"' explain "$scratch/my.rules")"
check_is "what is repeated" 'INPUT 6 5' \
	"$(ask "$off" '.tables[].repeated[] | "\(.chain) \(.number) \(.same_as)"' \
		explain "$scratch/my.rules")"
check_is "what is bridged" 'limit LOG' \
	"$(ask "$off" '.tables[].bridged[] | [.bridged[].name] | join(" ")' \
		explain "$scratch/my.rules")"
check_is "which chain nobody refers to" lonely \
	"$(ask "$off" '.tables[].chains[] | select(.state == "unreferenced").name' \
		explain "$scratch/my.rules")"
check_is "what a chain costs is estimated" true \
	"$(ask "$off" '.tables[].chains[] | select(.name == "INPUT").places[] |
		.estimated_ps > 0' explain "$scratch/my.rules")"
check "plain output has the reason" \
	sh -c "'$BPFILTER' explain '$scratch/my.rules' |
		grep -q 'never matches: INPUT 1 comes first'"
check_is "a file from standard input" "$NEVERS" \
	"$(nevers explain - < "$scratch/my.rules")"
check_is "a file of IPv6" 'INPUT 2 shadowed' \
	"$(nevers -6 explain "$scratch/my6.rules")"
check_is "no firewall was touched" 0 "$(ask "$off" '.tables | length' rules)"
echo '-A INPUT -j nowhere' | sed '1i *filter' > "$scratch/bad.rules"
check "a file that cannot be loaded says what iptables says" \
	sh -c "'$BPFILTER' -j explain '$scratch/bad.rules' | jq -r .error |
		grep -q '^$scratch/bad.rules: iptables-legacy-restore: exit status'"
check_is "a file without a table" \
	"-: no line starts a table, as \"*filter\" does" \
	"$(echo nothing | "$BPFILTER" -j explain - | jq -r .error)"

in_ns "$listed" "$IPTABLES-restore" < "$scratch/my.rules"
in_ns "$listed" ping -q -c 2 127.0.0.1 > "$scratch/ping"
check_is "live rules are those of iptables-save, with counters" \
	"$(rules_saved "$listed")" "$(rules_told "$listed")"
check "some packets were counted" test "$(rule 5 .packets)" -ge 2
check_is "which function a rule is in" 'INPUT filter_INPUT' \
	"$(rule 1 '.where[] | "\(.hook) \(.function)"')"
check_is "which extensions are bridged" 'match limit,target LOG' \
	"$(rule 3 '[.bridged[] | "\(.kind) \(.name)"] | join(",")')"
check_is "a live rule that never matches is nowhere" 'shadowed 1 0' \
	"$(rule 2 '"\(.never.reason) \(.never.by.number) \(.where | length)"')"
check_is "the policy is counted, too" true \
	"$(ask "$listed" '.tables[].chains[] | select(.name == "INPUT").policy |
		.verdict == "ACCEPT" and .packets >= 2' rules ipv4 filter)"
check_is "a record of a long list" true \
	"$(ask "$box" '.tables[].chains[] | select(.name == "list").rules[299] |
		.where[] | .record > 0 and .classifiers == 1' rules ipv4 filter)"
check_is "live tables are explained" "$NEVERS" \
	"$(ask "$listed" '[.tables[].never[] |
		"\(.chain) \(.number) \(.never.reason)"] | join(",")' explain)"
cmd "$listed" dump table filter save "$scratch/my.blob"
check_is "so is a saved blob" "$NEVERS" "$(nevers explain "$scratch/my.blob")"
check_is "a chain that is not there" 'no chain "nowhere" in table "filter"' \
	"$(err cmd "$listed" -j rules ipv4 filter nowhere)"

if have_native; then
	ipt "$off" -A INPUT -p tcp -m time --timestart 01:00 -j ACCEPT
	check_is "a native table is shown as such" 'native 1' \
		"$(shown "$off" '"\(.engine) \(.rules)"')"
else
	skip "a native table is shown as such" "no native iptables"
fi

if have_native; then
	skip "nothing is released to an engine that is not there" "it is there"
else
	cmd "$box" -j release ipv4 filter > "$scratch/release"
	check_is "nothing is released to an engine that is not there" \
		"1 bpfilter this kernel's native engine does not have this table" \
		"$? $(jq -r '.tables[0] | "\(.engine) \(.error)"' "$scratch/release")"
fi

check_is "without CAP_NET_ADMIN nothing is shown" \
	"not permitted: this takes CAP_NET_ADMIN" \
	"$(err setpriv --bounding-set=-all --inh-caps=-all --reuid=65534 \
		--clear-groups "$BPFILTER" -j show)"

finish
