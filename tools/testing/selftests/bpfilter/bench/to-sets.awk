# SPDX-License-Identifier: GPL-2.0
#
# usage: awk -v base=PATH -f to-sets.awk FILE
#
# What somebody who uses sets would write in place of an iptables-restore file
# that is a list: rules of one chain of the table filter, with one target, that
# each ask for one source, one destination or one port. PATH.ipset.sets and
# PATH.ipset.rules are for ipset and iptables-restore, PATH.nft is for nft.
# Nothing is written if the file is no such list.

/^\*/ { table = substr($0, 2) }

/^-A/ {
	key = ""
	if (NF == 6 && ($3 == "-s" || $3 == "-d") && $5 == "-j") {
		key = $3
		value[key, ++num[key]] = $4
		six = six || $4 ~ /:/
		sub(six ? "/128$" : "/32$", "", value[key, num[key]])
		if (value[key, num[key]] ~ /\//)
			prefixes = 1
	} else if (NF == 10 && $3 == "-p" && $7 ~ /^--[sd]port$/ &&
		   $8 ~ /^[0-9]+$/ && $9 == "-j") {
		key = $4 " " $7
		value[key, ++num[key]] = $8
	}
	if (key == "" || (chain != "" && chain != $2) ||
	    (target != "" && target != $NF) || $NF !~ /^(DROP|ACCEPT)$/)
		bad = 1
	chain = $2
	target = $NF
}

function put_ipset(key, name,	i, word, kind)
{
	if (key ~ /^-/)
		kind = (prefixes ? "hash:net" : "hash:ip") \
			(six ? " family inet6" : "") \
			" maxelem 1048576 hashsize " hash_size(num[key])
	else
		kind = "bitmap:port range 0-65535"
	print "create " name " " kind > sets
	for (i = 1; i <= num[key]; i++)
		print "add " name " " value[key, i] > sets
	split(key, word, " ")
	if (key ~ /^-/)
		printf "-A %s -m set --match-set %s %s -j %s\n", chain, name,
		       key == "-s" ? "src" : "dst", target > rules
	else
		printf "-A %s -p %s -m set --match-set %s %s -j %s\n", chain,
		       word[1], name, word[2] == "--sport" ? "src" : "dst",
		       target > rules
}

function hash_size(n,	size)
{
	size = 1024
	while (size < n)
		size *= 2
	return size
}

function put_nft(key, name,	i, word)
{
	if (key ~ /^-/)
		printf "add set %s bench %s { type %s;%s }\n", family, name,
		       six ? "ipv6_addr" : "ipv4_addr",
		       prefixes ? " flags interval; auto-merge;" : "" > nft
	else
		printf "add set %s bench %s { type inet_service; }\n", family,
		       name > nft
	for (i = 1; i <= num[key]; i++) {
		if (i % 1000 == 1)
			printf "%sadd element %s bench %s { ",
			       (i > 1 ? "}\n" : ""), family, name > nft
		printf "%s,", value[key, i] > nft
	}
	print "}" > nft
	split(key, word, " ")
	if (key ~ /^-/)
		printf "add rule %s bench %s %s %s @%s counter %s\n", family,
		       chain, six ? "ip6" : "ip",
		       key == "-s" ? "saddr" : "daddr", name,
		       tolower(target) > nft
	else
		printf "add rule %s bench %s %s %s @%s counter %s\n", family,
		       chain, word[1], substr(word[2], 3), name,
		       tolower(target) > nft
}

END {
	if (bad || table != "filter" || chain !~ /^(INPUT|FORWARD)$/)
		exit
	sets = base ".ipset.sets"
	rules = base ".ipset.rules"
	nft = base ".nft"
	family = six ? "ip6" : "ip"
	print "*filter" > rules
	printf "add table %s bench\nadd chain %s bench %s { type filter hook %s priority filter; }\n",
	       family, family, chain, tolower(chain) > nft
	for (key in num) {
		n++
		put_ipset(key, "bench" n)
		put_nft(key, "bench" n)
	}
	print "COMMIT" > rules
}
