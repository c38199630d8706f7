//! The system calls: unshare(2), rtnetlink(7), mount(2).

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};
use rustix::process::{getegid, geteuid};
use rustix::thread::{
    CapabilitySet, LinkNameSpaceType, UnshareFlags, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, move_into_link_name_space, set_capabilities,
    unshare_unsafe,
};

/// How many buckets the tables of connections have in a new network. The kernel sizes them by the
/// machine's memory (262,144 with 24 GB), and a read of /proc/net/tcp takes until it has looked
/// into each: 8 ms instead of 0.2. Half as many connections can be in TIME_WAIT.
const TCP_BUCKETS: &str = "4096";
const UDP_BUCKETS: &str = "256";

/// A new network for the calling thread: unshare(2) with CLONE_NEWNET.
pub fn unshare() -> io::Result<()> {
    static NURSERY: Mutex<Option<OwnedFd>> = Mutex::new(None);
    let mut nursery = NURSERY.lock().unwrap_or_else(PoisonError::into_inner);
    if nursery.is_none() {
        // In its own thread, since there is no way back. If it fails, networks have large tables.
        *nursery = thread::spawn(nursery_of_networks)
            .join()
            .ok()
            .and_then(Result::ok);
    }
    if let Some(nursery) = &*nursery {
        move_into_link_name_space(nursery.as_fd(), Some(LinkNameSpaceType::Network))?;
    }
    unshare_with(UnshareFlags::NEWNET)
}

/// A network in which others are made, with small tables: ip-sysctl, `tcp_child_ehash_entries`.
fn nursery_of_networks() -> io::Result<OwnedFd> {
    unshare_with(UnshareFlags::NEWNET)?;
    fs::write("/proc/sys/net/ipv4/tcp_child_ehash_entries", TCP_BUCKETS)?;
    fs::write("/proc/sys/net/ipv4/udp_child_hash_entries", UDP_BUCKETS)?;
    Ok(fs::File::open("/proc/thread-self/ns/net")?.into())
}

/// New mounts for the calling thread, which nobody else sees: unshare(2) with CLONE_NEWNS.
pub fn unshare_mounts() -> io::Result<()> {
    unshare_with(UnshareFlags::NEWNS)?;
    // Most systems share the mounts of a new namespace with the old one.
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    Ok(mount_change("/", private)?)
}

/// Whether a process that enters a user namespace may make
/// networks in it: tried by a child, since there is no way back.
pub fn try_in_a_child() -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    let mut child = Command::new("true");
    child
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[allow(unsafe_code, reason = "std has no safe way to run code in a child")]
    // SAFETY: this process has a single thread, as unshare(2) demands of it later, so the child may
    // do what any process may.
    unsafe {
        child.pre_exec(|| {
            unshare_user()?;
            unshare_with(UnshareFlags::NEWNET)
        });
    }
    // The call that failed is what `status` gives.
    child.status().map(|_| ())
}

/// New rights for the whole process: unshare(2) with
/// CLONE_NEWUSER. Its user and its group keep their numbers.
pub fn unshare_user() -> io::Result<()> {
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare_with(UnshareFlags::NEWUSER)?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    // Without this an unprivileged process may not map its group.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

fn unshare_with(flags: UnshareFlags) -> io::Result<()> {
    #[allow(
        unsafe_code,
        reason = "rustix has one call for all flags, and marks it unsafe for the sake of CLONE_FILES"
    )]
    // SAFETY: the callers' flags change which network later sockets are made in and which rights
    // the process has. They change nothing about memory or about descriptors that are open.
    unsafe {
        unshare_unsafe(flags)?;
    }
    Ok(())
}

/// Whether the calling thread has CAP_SYS_ADMIN.
pub fn has_admin_rights() -> io::Result<bool> {
    Ok(capabilities(None)?
        .effective
        .contains(CapabilitySet::SYS_ADMIN))
}

/// CAP_NET_RAW for the programs that the calling thread starts: capabilities(7), ambient set.
pub fn pass_on_capturing() -> io::Result<()> {
    let mut sets = capabilities(None)?;
    sets.inheritable |= CapabilitySet::NET_RAW;
    set_capabilities(None, sets)?;
    Ok(configure_capability_in_ambient_set(
        CapabilitySet::NET_RAW,
        true,
    )?)
}

/// The programs that the calling thread starts get no capability by [`pass_on_capturing`].
pub fn stop_passing_on_capturing() -> io::Result<()> {
    Ok(clear_ambient_capability_set()?)
}

/// RTM_NEWLINK: sets IFF_UP on the first interface, which in every network is the loopback.
pub fn loopback_up() -> io::Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const IFF_UP: u32 = 1;
    // struct ifinfomsg of linux/rtnetlink.h.
    let mut body = vec![0; 4];
    body.extend(1_i32.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    body.extend(IFF_UP.to_ne_bytes());
    ask(RTM_NEWLINK, &body)
}

/// RTM_NEWADDR: gives an address to the loopback interface.
pub fn add_address(address: Ipv4Addr) -> io::Result<()> {
    const RTM_NEWADDR: u16 = 20;
    const AF_INET: u8 = 2;
    const IFA_ADDRESS: u16 = 1;
    const IFA_LOCAL: u16 = 2;
    // struct ifaddrmsg of linux/if_addr.h: the whole address is the prefix, on interface 1.
    let mut body = vec![AF_INET, 32, 0, 0];
    body.extend(1_u32.to_ne_bytes());
    for kind in [IFA_LOCAL, IFA_ADDRESS] {
        body.extend(8_u16.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(address.octets());
    }
    ask(RTM_NEWADDR, &body)
}

/// RTM_NEWROUTE: makes every IPv4 address one of this machine. So a packet to any of them arrives
/// at the loopback interface, and a program may bind any.
pub fn make_every_address_local() -> io::Result<()> {
    const RTM_NEWROUTE: u16 = 24;
    const AF_INET: u8 = 2;
    const RT_TABLE_LOCAL: u8 = 255;
    const RTPROT_BOOT: u8 = 3;
    const RT_SCOPE_HOST: u8 = 254;
    const RTN_LOCAL: u8 = 2;
    const RTA_OIF: u16 = 4;
    // struct rtmsg of linux/rtnetlink.h: a prefix of length 0, in the table of local addresses.
    let mut body = vec![
        AF_INET,
        0,
        0,
        0,
        RT_TABLE_LOCAL,
        RTPROT_BOOT,
        RT_SCOPE_HOST,
        RTN_LOCAL,
    ];
    body.extend(0_u32.to_ne_bytes());
    body.extend(8_u16.to_ne_bytes());
    body.extend(RTA_OIF.to_ne_bytes());
    body.extend(1_u32.to_ne_bytes());
    ask(RTM_NEWROUTE, &body)
}

/// One request of rtnetlink(7), acknowledged.
fn ask(kind: u16, body: &[u8]) -> io::Result<()> {
    const NLM_F_REQUEST: u16 = 0x1;
    const NLM_F_ACK: u16 = 0x4;
    const NLM_F_CREATE: u16 = 0x400;
    const HEADER: u32 = 16;
    let netlink = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let length = HEADER
        + u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let mut message = Vec::new();
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    send(&netlink, &message, SendFlags::empty())?;
    let mut answer = [0; 1024];
    let (count, _) = recv(&netlink, &mut answer, RecvFlags::empty())?;
    // struct nlmsgerr: the error's number, negative, or 0 for an acknowledgement.
    let number = answer[..count]
        .get(16..20)
        .and_then(|bytes| bytes.first_chunk())
        .map(|bytes| i32::from_ne_bytes(*bytes))
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    match number {
        0 => Ok(()),
        number => Err(io::Error::from_raw_os_error(-number)),
    }
}
