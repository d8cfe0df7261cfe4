# SPDX-License-Identifier: GPL-2.0
#
# usage: awk -f kube-map.awk FILE > NFT
#
# Input of nft for an iptables-restore file of the shape that kube-proxy gives a
# node: services, node ports and services without endpoints are maps from
# address, protocol and port to verdicts, endpoints are drawn from maps, as
# kube-proxy's own mode for nftables does it. Session affinity is left out.
# Nothing is written for any other file.

function option(name,	i)
{
	for (i = 3; i < NF; i++)
		if ($i == name)
			return $(i - 1) == "!" ? "! " $(i + 1) : $(i + 1)
	return ""
}

function element(	d)
{
	d = option("-d")
	sub(/\/[0-9]+$/, "", d)
	return d " . " option("-p") " . " option("--dport")
}

function add(chain, line)
{
	body[chain] = body[chain] "add rule " family " bench " chain " " line "\n"
}

function put_map(name, type, elements,	n, part, i)
{
	printf "add map %s bench %s { type %s : verdict; }\n", family, name, type
	n = split(elements, part, "\n")
	for (i = 1; i < n; i++) {
		if (i % 500 == 1)
			printf "%sadd element %s bench %s { ", (i > 1 ? "}\n" : ""),
			       family, name
		printf "%s,", part[i]
	}
	if (n > 1)
		print "}"
}

/^\*/ { table = substr($0, 2) }
/^:KUBE-SVC-/ { kube = 1 }
/^:KUBE-(SVC|SVL|SEP|EXT|FW)-/ { sub(/^:/, "", $1); chains[++num] = $1 }
/::/ && /^-A/ { six = 1 }

{ gsub(/"[^"]*"/, "x") }
/^-A/ { to = option("-j"); family = six ? "ip6" : "ip"; addr = family }

table == "filter" && $2 == "KUBE-SERVICES" && to == "REJECT" {
	none = none element() " : goto no-endpoint\n"
}
table == "filter" && $2 == "KUBE-PROXY-FIREWALL" {
	closed = closed element() " : drop\n"
}
table == "nat" && $2 == "KUBE-SERVICES" && option("--dport") != "" {
	services = services element() " : goto " to "\n"
}
table == "nat" && $2 == "KUBE-NODEPORTS" {
	ports = ports option("-p") " . " option("--dport") " : goto " to "\n"
}
table == "nat" && $2 ~ /^KUBE-SV[CL]-/ && to == "KUBE-MARK-MASQ" {
	s = option("-s")
	sub(/^! /, "", s)
	add($2, addr " saddr != " s " jump mark-masq")
}
table == "nat" && $2 ~ /^KUBE-SV[CL]-/ && to ~ /^KUBE-SEP-/ &&
option("--seconds") == "" {
	ends[$2] = ends[$2] (count[$2]++) " : goto " to ", "
}
table == "nat" && $2 ~ /^KUBE-SEP-/ && to == "KUBE-MARK-MASQ" {
	s = option("-s")
	sub(/\/[0-9]+$/, "", s)
	add($2, addr " saddr " s " jump mark-masq")
}
table == "nat" && $2 ~ /^KUBE-SEP-/ && to == "DNAT" {
	add($2, "meta l4proto " option("-p") " dnat to " \
	    option("--to-destination"))
}
table == "nat" && $2 ~ /^KUBE-(EXT|FW)-/ && to != "" {
	s = option("-s") != "" ? addr " saddr " option("-s") " " : ""
	if (option("--src-type") != "")
		s = "fib saddr type local "
	add($2, s (to == "KUBE-MARK-MASQ" ? "jump mark-masq" : "goto " to))
}

END {
	if (!kube)
		exit
	type = six ? "ipv6_addr" : "ipv4_addr"
	key = addr " daddr . meta l4proto . th dport"
	print "add table " family " bench"
	print "add chain " family " bench no-endpoint"
	print "add chain " family " bench mark-masq"
	for (i = 1; i <= num; i++)
		print "add chain " family " bench " chains[i]
	put_map("services", type " . inet_proto . inet_service", services)
	put_map("none", type " . inet_proto . inet_service", none)
	put_map("closed", type " . inet_proto . inet_service", closed)
	put_map("ports", "inet_proto . inet_service", ports)
	print "add rule " family " bench no-endpoint reject"
	print "add rule " family " bench mark-masq meta mark set meta mark or 0x4000"
	for (i = 1; i <= num; i++) {
		c = chains[i]
		if (count[c])
			add(c, "numgen random mod " count[c] " vmap { " ends[c] "}")
		printf "%s", body[c]
	}
	print "add chain " family " bench pre { type nat hook prerouting priority dstnat; }"
	print "add rule " family " bench pre " key " vmap @services"
	print "add rule " family " bench pre fib daddr type local meta l4proto . th dport vmap @ports"
	print "add chain " family " bench post { type nat hook postrouting priority srcnat; }"
	print "add rule " family " bench post meta mark and 0x4000 == 0 return"
	print "add rule " family " bench post meta mark set meta mark xor 0x4000"
	print "add rule " family " bench post masquerade fully-random"
	print "add chain " family " bench forward { type filter hook forward priority filter; }"
	print "add rule " family " bench forward ct state new " key " vmap @closed"
	print "add rule " family " bench forward ct state new " key " vmap @none"
	print "add rule " family " bench forward ct state invalid drop"
	print "add chain " family " bench input { type filter hook input priority filter; }"
	print "add rule " family " bench input ct state new " key " vmap @closed"
}
