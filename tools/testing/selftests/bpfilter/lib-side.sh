# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Namespaces in which the same packets go through the same rules, one of each
# engine. Behind lib.sh.
#
#	A, A2 -- in0 R  [router]  S out0 -- B, B2
#	                          T alt0 -- C
#
# Each device NAME is one end of a veth pair. Nothing lives at the other end,
# NAMEp: pktrun puts frames in and takes them out there. Without ARP and multicast
# nothing but those moves. Whatever has no other route goes to B. X is somewhere
# behind it.

export PKTRUN="${PKTRUN:-$lib_dir/pktrun}"

# Addresses by family and name
declare -A ADDR=(
	[4A]=10.1.0.2 [4A2]=10.1.0.3 [4R]=10.1.0.1 [4S]=10.2.0.1 [4T]=10.3.0.1
	[4B]=10.2.0.2 [4B2]=10.2.0.3 [4C]=10.3.0.2 [4X]=10.9.9.9
	[6A]=fd01::2 [6A2]=fd01::3 [6R]=fd01::1 [6S]=fd02::1 [6T]=fd03::1
	[6B]=fd02::2 [6B2]=fd02::3 [6C]=fd03::2 [6X]=fd09::9
)

# expand FAMILY TAG TEXT: names of addresses (%A), the family (%f), ICMP's name
# (%icmp), and the side (%N) for what has a name that all namespaces share
expand()
{
	local text=$3 name

	for name in A2 B2 A B C R S T X; do
		text=${text//%$name/${ADDR[$1$name]}}
	done
	text=${text//%f/$1}
	text=${text//%N/-side-$2}
	if [[ $1 = 4 ]]; then
		text=${text//%icmp/icmp}
	else
		text=${text//%icmp/icmpv6}
	fi
	printf '%s' "$text"
}

# Both families' iptables
side_ipt()
{
	if [[ $1 = 4 ]]; then
		echo "$IPTABLES"
	else
		echo "${IPTABLES/iptables/ip6tables}"
	fi
}

side_sysctls="net/ipv4/ip_forward 1
net/ipv4/conf/all/rp_filter 0
net/ipv4/conf/default/rp_filter 0
net/ipv4/conf/all/send_redirects 0
net/ipv4/conf/default/send_redirects 0
net/ipv4/conf/all/accept_local 1
net/ipv4/icmp_ratelimit 0
net/ipv4/icmp_ratemask 0
net/ipv4/igmp_link_local_mcast_reports 0
net/ipv6/conf/default/accept_dad 0
net/ipv6/conf/default/addr_gen_mode 1
net/ipv6/icmp/ratelimit 0
net/netfilter/nf_conntrack_tcp_loose 0
net/netfilter/nf_conntrack_udp_timeout 300
net/netfilter/nf_conntrack_udp_timeout_stream 300"

side_devices="link set lo up"
for dev in "1 in0" "2 out0" "3 alt0"; do
	n=${dev% *} dev=${dev#* }
	side_devices+="
link add $dev address 02:00:00:00:00:01 type veth peer name ${dev}p address 02:00:00:00:00:02
link set $dev arp off multicast off up
link set ${dev}p arp off multicast off up
addr add 10.$n.0.1/24 dev $dev
addr add fd0$n::1/64 dev $dev nodad"
done
side_devices+="
route add default via 10.2.0.2 dev out0
route add default via fd02::2 dev out0"
export side_sysctls side_devices

# Runs in the new namespace, in as few processes as can be: there are many.
# A device that forwards as it is made joins a group, and reports it; so that
# comes after the devices.
# shellcheck disable=SC2016	# the inner shell's
side_setup='while read -r name value; do
	[ ! -e "/proc/sys/$name" ] || echo "$value" > "/proc/sys/$name"
done <<END
$side_sysctls
END
ip -batch - <<END || exit
$side_devices
END
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
[ ! -e /proc/sys/net/netfilter/bpfilter ] ||
	echo "$on" > /proc/sys/net/netfilter/bpfilter'

# side_add ENGINE VARIABLE: a namespace with its devices that ENGINE serves
side_add()
{
	local ns="bpft-$2-$$" on=0

	[[ $1 != bpfilter ]] || on=1
	ip netns add "$ns" || ktap_exit_fail_msg "cannot add namespace $ns"
	netns_list="$netns_list $ns"
	on=$on in_ns "$ns" sh -c "$side_setup" ||
		ktap_exit_fail_msg "cannot set up $ns"
	printf -v "$2" %s "$ns"
}

# side_del VARIABLE
side_del()
{
	ns_del "${!1}"
	netns_list=${netns_list/ ${!1}/}
}
