//! What usually listens where.
//!
//! Names and numbers are facts of IANA's Service Name and Transport Protocol Port Number Registry
//! (RFC 6335), for TCP; a few common ones that the registry does not list, or lists under another
//! name, are marked as customs. The order is ours: what a scan of a machine or a small network
//! finds most often comes first, and `--top` takes from the front. It is a judgment, not a
//! measurement of the Internet.
//!
//! A name says what a port is registered for. Any program can listen on any port: `--banner` asks
//! it.

/// The service that a port is registered for, or used for by custom.
///
/// ```
/// assert_eq!(portscan::services::name(22), Some("ssh"));
/// assert_eq!(portscan::services::name(65000), None);
/// ```
pub fn name(port: u16) -> Option<&'static str> {
    SERVICES
        .iter()
        .find(|(number, _)| *number == port)
        .map(|(_, name)| *name)
}

/// The port of a service, whatever the case of its name.
///
/// ```
/// assert_eq!(portscan::services::port("SSH"), Some(22));
/// assert_eq!(portscan::services::port("no-such-service"), None);
/// ```
pub fn port(name: &str) -> Option<u16> {
    SERVICES
        .iter()
        .find(|(_, known)| known.eq_ignore_ascii_case(name))
        .map(|(port, _)| *port)
}

/// The most common ports, at most as many as the table has.
pub fn top(count: usize) -> impl Iterator<Item = u16> {
    SERVICES.iter().take(count).map(|(port, _)| *port)
}

/// How many ports the table has.
pub const COUNT: usize = SERVICES.len();

const SERVICES: &[(u16, &str)] = &[
    // The web, logging in, names, mail, files.
    (80, "http"),
    (443, "https"),
    (22, "ssh"),
    (21, "ftp"),
    (25, "smtp"),
    (53, "domain"),
    (8080, "http-alt"),
    (3389, "ms-wbt-server"),
    (445, "microsoft-ds"),
    (139, "netbios-ssn"),
    (135, "epmap"),
    (23, "telnet"),
    (110, "pop3"),
    (143, "imap"),
    (993, "imaps"),
    (995, "pop3s"),
    (587, "submission"),
    (465, "submissions"),
    (111, "sunrpc"),
    (3306, "mysql"),
    (5432, "postgresql"),
    (8443, "pcsync-https"),
    (5900, "rfb"),
    (6379, "redis"),
    (27017, "mongodb"), // custom
    (1433, "ms-sql-s"),
    (1521, "ncube-lm"),
    (389, "ldap"),
    (636, "ldaps"),
    (2049, "nfs"),
    (631, "ipp"),
    (9100, "pdl-datastream"),
    (515, "printer"),
    (548, "afpovertcp"),
    (873, "rsync"),
    (88, "kerberos"),
    (464, "kpasswd"),
    (3268, "msft-gc"),
    (3269, "msft-gc-ssl"),
    (179, "bgp"),
    (554, "rtsp"),
    (5060, "sip"),
    (5061, "sips"),
    (1883, "mqtt"),
    (8883, "secure-mqtt"),
    (5672, "amqp"),
    (5671, "amqps"),
    (15672, "rabbitmq-web"), // custom
    (9092, "kafka"),         // custom
    (2181, "zookeeper"),     // custom
    (9200, "wap-wsp"),
    (9300, "vrace"),
    (11211, "memcache"),
    (9042, "cassandra"), // custom
    (5984, "couchdb"),
    (8086, "influxdb"), // custom
    (9090, "websm"),
    (3000, "web-3000"), // custom
    (5000, "web-5000"), // custom
    (8000, "irdmi"),
    (8008, "http-8008"),
    (8081, "sunproxyadmin"),
    (8088, "radan-http"),
    (8888, "ddi-tcp-1"),
    (9000, "cslistener"),
    (9443, "tungsten-https"),
    (10000, "ndmp"),
    (2375, "docker"),
    (2376, "docker-s"),
    (6443, "sun-sr-https"),
    (10250, "kubelet"), // custom
    (2379, "etcd-client"),
    (2380, "etcd-server"),
    (8500, "consul"), // custom
    (8200, "trivnet1"),
    (4222, "nats"), // custom
    (5985, "wsman"),
    (5986, "wsmans"),
    (593, "http-rpc-epmap"),
    (1194, "openvpn"),
    (1723, "pptp"),
    (1080, "socks"),
    (3128, "ndl-aas"),
    (5222, "xmpp-client"),
    (5269, "xmpp-server"),
    (5280, "xmpp-bosh"),
    (6667, "ircu"),
    (6697, "ircs-u"),
    (194, "irc"),
    (119, "nntp"),
    (563, "nntps"),
    (70, "gopher"),
    (79, "finger"),
    (43, "nicname"),
    (113, "ident"),
    (7, "echo"),
    (9, "discard"),
    (13, "daytime"),
    (17, "qotd"),
    (19, "chargen"),
    (37, "time"),
    (20, "ftp-data"),
    (49, "tacacs"),
    (69, "tftp"),
    (102, "iso-tsap"),
    (502, "mbap"),
    (20000, "dnp"),
    (47808, "bacnet"),
    (44818, "EtherNet-IP-2"),
    (4840, "opcua-tcp"),
    (161, "snmp"),
    (162, "snmptrap"),
    (177, "xdmcp"),
    (199, "smux"),
    (220, "imap3"),
    (109, "pop2"),
    (427, "svrloc"),
    (444, "snpp"),
    (512, "exec"),
    (513, "login"),
    (514, "shell"),
    (540, "uucp"),
    (543, "klogin"),
    (544, "kshell"),
    (546, "dhcpv6-client"),
    (547, "dhcpv6-server"),
    (623, "oob-ws-http"),
    (646, "ldp"),
    (666, "doom"),
    (749, "kerberos-adm"),
    (853, "domain-s"),
    (860, "iscsi"),
    (902, "ideafarm-door"),
    (989, "ftps-data"),
    (990, "ftps"),
    (992, "telnets"),
    (1099, "rmiregistry"),
    (1234, "search-agent"),
    (1352, "lotusnote"),
    (1414, "ibm-mqseries"),
    (1494, "ica"),
    (1720, "h323hostcall"),
    (1812, "radius"),
    (1900, "ssdp"),
    (1935, "macromedia-fcs"),
    (2000, "cisco-sccp"),
    (2083, "radsec"),
    (2222, "EtherNet-IP-1"),
    (2401, "cvspserver"),
    (2483, "ttc"),
    (2484, "ttc-ssl"),
    (2598, "citriximaclient"),
    (3050, "gds-db"),
    (3260, "iscsi-target"),
    (3478, "stun"),
    (3689, "daap"),
    (3690, "svn"),
    (4369, "epmd"),
    (4444, "krb524"),
    (4786, "smart-install"),
    (5001, "commplex-link"),
    (5004, "avt-profile-1"),
    (5353, "mdns"),
    (5355, "llmnr"),
    (5349, "stuns"),
    (5555, "personal-agent"),
    (5631, "pcanywheredata"),
    (5666, "nrpe"),  // custom
    (5901, "vnc-1"), // custom
    (6000, "x11"),
    (6001, "x11-1"), // custom
    (6514, "syslog-tls"),
    (6566, "sane-port"),
    (6600, "mshvlm"),
    (6881, "bittorrent"), // custom
    (7000, "afs3-fileserver"),
    (7001, "afs3-callback"),
    (7070, "arcp"),
    (7547, "cwmp"),
    (7687, "bolt"),
    (8009, "nvme-disc"),
    (8100, "xprint-server"),
    (8161, "patrol-snmp"),
    (8333, "bitcoin"), // custom
    (8444, "pcsync-http"),
    (8834, "nessus"), // custom
    (9001, "etlservicemgr"),
    (9050, "tor-socks"), // custom
    (9418, "git"),
    (9600, "micromuse-ncpw"),
    (9900, "iua"),
    (10050, "zabbix-agent"),
    (10051, "zabbix-trapper"),
    (12345, "italk"),
    (25565, "minecraft"),   // custom
    (26257, "cockroachdb"), // custom
    (32400, "plex"),        // custom
    (49152, "dynamic"),     // custom: the first dynamic port, often Windows' RPC
    (50000, "db2"),         // custom
    (61613, "stomp"),       // custom
    (61616, "openwire"),    // custom
    (64738, "mumble"),      // custom
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_port_is_there_once_and_the_names_fit_every_format() {
        let (mut seen, mut names) = (HashSet::new(), HashSet::new());
        for (port, name) in SERVICES {
            assert!(*port > 0 && seen.insert(port), "port {port} is there twice");
            assert!(names.insert(name), "{name} is the name of two ports");
            let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
            assert!(!name.is_empty() && name.chars().all(plain), "{name:?}");
        }
    }

    #[test]
    fn top_takes_the_front_of_the_table() {
        assert_eq!(top(3).collect::<Vec<_>>(), [80, 443, 22]);
        assert_eq!(top(usize::MAX).count(), COUNT);
    }
}
