//! Tests on the ports that the sheets fix: 65432, 1234, 12345, 9900, and 80.
//!
//! The sheets' own Python has its hosts and ports written into it, so they are
//! part of the contract. Each test has a private network, in which every port
//! is free. Where the system allows none, the tests take turns, and one whose
//! port another program holds is shown as ignored, with that program's name.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;

use labnet::{host_name, port, resolve};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tests::catalog::{Entry, lab_programs, server_of};
use tests::{Program, network, rust, wire};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // Before the first thread starts: the system asks for that.
    // Where it refuses, the tests share the machine's network.
    let _machines_network = lab_netns::enter_user_namespace();
    let entries = lab_programs();
    let mut trials = Vec::new();
    for entry in &entries {
        let test: fn(&Entry, &Sheet) = match entry.role.as_str() {
            "server" => server_listens_there,
            "client" => client_goes_there,
            _ => continue,
        };
        let server = server_of(entry, &entries).expect("a client has a server");
        let (entry, sheet) = (entry.clone(), Sheet::of(&server));
        let name = format!("{}::uses_the_address_of_its_sheet", entry.package);
        let run = move || on_port(&sheet, || test(&entry, &sheet));
        trials.push(Trial::ignorable_test(name, run));
    }
    #[cfg(target_os = "linux")]
    for entry in entries.into_iter().filter(|entry| entry.role == "server") {
        let name = format!("{}::says_that_port_80_needs_special_rights", entry.package);
        trials.push(Trial::ignorable_test(name, move || {
            port_80::refused(&entry)
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Where a sheet has its server listen.
struct Sheet {
    /// The port's protocol.
    tcp: bool,
    /// `None` on a machine that does not know its own name, when the sheet's address is that name.
    address: Option<SocketAddr>,
}

impl Sheet {
    fn of(server: &Entry) -> Self {
        let name = &server.package;
        let sheet = server.metadata["address"].as_str();
        let sheet = sheet.unwrap_or_else(|| panic!("{name}: no address in its manifest"));
        let (host, number) = sheet.split_once(':').expect("an address is HOST:PORT");
        let number = port(number).expect("a port");
        let address = match host {
            "gethostname()" => host_name().and_then(|machine| resolve(&machine, number)),
            _ => resolve(host, number),
        };
        let calls = server.metadata["calls"].as_array();
        Sheet {
            tcp: calls.is_some_and(|calls| calls.iter().any(|call| call == "listen")),
            address: address.ok(),
        }
    }

    /// Where its clients find it: a server on every interface is also on the loopback interface.
    fn reached_at(&self) -> Option<SocketAddr> {
        let mut address = self.address?;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Some(address)
    }

    /// The name of the program that holds the port, if one does.
    fn holder(&self) -> Option<String> {
        let address = self.address?;
        let bound = match self.tcp {
            true => TcpListener::bind(address).map(drop),
            false => UdpSocket::bind(address).map(drop),
        };
        match bound {
            Err(error) if error.kind() == ErrorKind::AddrInUse => Some(self.holders_name(address)),
            // Other errors are the test's to meet.
            _ => None,
        }
    }

    #[cfg(target_os = "linux")]
    fn holders_name(&self, address: SocketAddr) -> String {
        let protocol = if self.tcp { "tcp" } else { "udp" };
        // A program of another user does not show its sockets.
        proc::name_of_the_holder(protocol, address.port())
            .unwrap_or_else(|| "another program".to_string())
    }

    #[cfg(not(target_os = "linux"))]
    fn holders_name(&self, _: SocketAddr) -> String {
        "another program".to_string()
    }
}

#[cfg(target_os = "linux")]
mod proc {
    use std::fs;
    use std::path::Path;

    /// The name of the program that has a socket on this port.
    pub fn name_of_the_holder(protocol: &str, port: u16) -> Option<String> {
        let inode = [protocol.to_string(), format!("{protocol}6")]
            .iter()
            .find_map(|table| inode(table, port))?;
        let link = format!("socket:[{inode}]");
        for process in fs::read_dir("/proc").ok()?.flatten() {
            if has_open(&process.path(), &link) {
                let name = fs::read_to_string(process.path().join("comm")).ok()?;
                return Some(name.trim_end().to_string());
            }
        }
        None
    }

    /// The inode of the socket that is bound to this port, and for TCP listens on it.
    fn inode(table: &str, port: u16) -> Option<String> {
        // Columns: number, local address, remote address, state, and at the tenth place the inode.
        // A socket without a peer has port 0 as the remote one.
        let table = fs::read_to_string(Path::new("/proc/net").join(table)).ok()?;
        table.lines().skip(1).find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let local = columns.get(1)?.ends_with(&format!(":{port:04X}"));
            let bound = columns.get(2)?.ends_with(":0000");
            (local && bound).then(|| columns.get(9).map(ToString::to_string))?
        })
    }

    fn has_open(process: &Path, link: &str) -> bool {
        let files = fs::read_dir(process.join("fd"));
        files
            .into_iter()
            .flatten()
            .flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == link))
    }
}

/// Runs a test that needs the sheet's port.
fn on_port(sheet: &Sheet, test: impl FnOnce() + Send) -> Result<Completion, Failed> {
    if network::available() {
        let ip = sheet
            .reached_at()
            .map_or(IpAddr::from(Ipv4Addr::LOCALHOST), |address| address.ip());
        in_private_network(ip, test);
        return Ok(Completion::Completed);
    }
    // Also the tests of a hand-out in another process wait for this lock. It ends with the file.
    let turn = File::create(std::env::temp_dir().join("socket-labs-sheet-ports.lock"))?;
    turn.lock()?;
    if let Some(program) = sheet.holder() {
        let address = sheet.address.map(|address| address.to_string());
        let address = address.unwrap_or_default();
        return Ok(Completion::ignored_with(format!(
            "{program} holds {address}"
        )));
    }
    test();
    Ok(Completion::Completed)
}

/// Runs a test on a thread with a network that has this
/// address. There is no way back, so the thread is new.
fn in_private_network<T: Send>(ip: IpAddr, test: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            network::enter(ip);
            test()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The program with no argument but those that it cannot do without.
fn as_in_the_sheet(entry: &Entry) -> Program {
    let args: Vec<&str> = entry.args.iter().map(String::as_str).collect();
    rust(&entry.package).args(&args)
}

fn server_listens_there(entry: &Entry, sheet: &Sheet) {
    let name = &entry.package;
    let mut server = as_in_the_sheet(entry).start();
    match sheet.address {
        Some(address) => assert_eq!(server.listening(), address, "{name}"),
        None => asks_for_a_host(name, &server.finish().stderr),
    }
}

fn client_goes_there(entry: &Entry, sheet: &Sheet) {
    let client = as_in_the_sheet(entry);
    let Some(address) = sheet.reached_at() else {
        return asks_for_a_host(&entry.package, &client.run().stderr);
    };
    // The client's connection or datagram shows that it
    // goes there. What it says then is for other tests.
    if sheet.tcp {
        let listener = TcpListener::bind(address).expect("the port is free");
        let _client = client.start();
        wire::accept(&listener);
    } else {
        let socket = UdpSocket::bind(address).expect("the port is free");
        socket
            .set_read_timeout(Some(tests::DEADLINE))
            .expect("a time limit above 0");
        let mut client = client.start();
        client.type_in(b"50\n");
        wire::receive(&socket);
    }
}

/// This machine does not know its own name: the program says so, and what to do.
fn asks_for_a_host(name: &str, stderr: &str) {
    assert!(stderr.contains("--host 127.0.0.1"), "{name}: {stderr}");
}

#[cfg(target_os = "linux")]
mod port_80 {
    use std::fs;
    use std::net::Ipv4Addr;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use libtest_mimic::{Completion, Failed};
    use tests::catalog::Entry;
    use tests::{Program, network, rust};

    const NOBODY: u32 = 65534;

    /// A server on port 80, started by a user who has no right to it.
    pub fn refused(entry: &Entry) -> Result<Completion, Failed> {
        if network::available() {
            return super::in_private_network(Ipv4Addr::LOCALHOST.into(), || refused_here(entry));
        }
        refused_here(entry)
    }

    fn refused_here(entry: &Entry) -> Result<Completion, Failed> {
        // Containers often let every user listen on every port.
        let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")?;
        if first.trim().parse::<u16>()? <= 80 {
            return Ok(Completion::ignored_with(
                "here every user may listen on port 80",
            ));
        }
        let root = fs::metadata("/proc/self")?.uid() == 0;
        if root && !fs::read_to_string("/proc/self/uid_map")?.contains("4294967295") {
            return Ok(Completion::ignored_with(
                "root has no other user in this user namespace",
            ));
        }
        // A copy that everyone may run, since the workspace
        // may be in a folder that only root may enter.
        let folder = tempfile::tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        let copy = folder.path().join(&entry.package);
        let mut original = rust(&entry.package);
        // By another process: while this one writes a file, a program that another test starts
        // inherits the descriptor, and a file that is open for writing cannot be run (ETXTBSY).
        let program = original.command().get_program().to_owned();
        let copied = Command::new("cp").arg(program).arg(&copy).status()?;
        assert!(copied.success(), "{}: cannot be copied", entry.package);

        let mut command = Command::new(&copy);
        command.args(["--port=80", "--host=127.0.0.1"]);
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut server = Program::new(&entry.package, command).start();
        let error = server.error_line();
        assert!(error.starts_with("Error: "), "{error}");
        assert!(error.contains("127.0.0.1:80"), "{error}");
        let hint = server.error_line();
        let expected = "hint: ports below 1024 need special rights";
        assert!(hint.starts_with(expected), "{hint}");
        assert_eq!(server.exit_code(), Some(1));
        Ok(Completion::Completed)
    }
}
