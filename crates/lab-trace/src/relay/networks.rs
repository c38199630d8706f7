//! Where the relay meets the two sides.

use std::io;
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::sync::Arc;

use socket2::{Domain, Socket, Type};

#[cfg(target_os = "linux")]
pub use namespaces::{Networks, current};

/// Where the relay meets the two sides.
#[derive(Debug, Clone)]
pub enum Place {
    /// Between two networks. In each the relay has the other side's address.
    #[cfg(target_os = "linux")]
    Between(Arc<Networks>),
    /// In one network. Clients come to an address of the relay's own.
    Within,
}

impl Place {
    /// Moves the calling thread to the server's side.
    pub fn enter_servers(&self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Place::Between(networks) => networks.to_servers(),
            Place::Within => Ok(()),
        }
    }

    /// Moves the calling thread to the client's side.
    pub fn enter_clients(&self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Place::Between(networks) => networks.to_clients(),
            Place::Within => Ok(()),
        }
    }

    /// A socket that goes to the server in a client's stead.
    pub fn socket_for(
        &self,
        #[cfg_attr(not(target_os = "linux"), allow(unused_variables, reason = "networks"))]
        client: SocketAddr,
        kind: Type,
        server: SocketAddr,
    ) -> io::Result<Socket> {
        match self {
            #[cfg(target_os = "linux")]
            Place::Between(_) => bound(client, kind),
            Place::Within => Socket::new(Domain::for_address(server), kind, None),
        }
    }
}

/// A socket with this address.
pub fn bound(address: SocketAddr, kind: Type) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    // On Windows that would take the port from a program that has it.
    if kind == Type::STREAM && cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(target_os = "linux")]
mod namespaces {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsFd;

    use anyhow::Context;
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

    /// The networks of server and client.
    #[derive(Debug)]
    pub struct Networks {
        server: File,
        client: File,
    }

    /// The network that the calling thread is in.
    pub fn current() -> anyhow::Result<File> {
        File::open("/proc/thread-self/ns/net").context("cannot open this thread's network")
    }

    fn enter(network: &File) -> io::Result<()> {
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(())
    }

    impl Networks {
        /// From the handles of both.
        pub fn new(server: File, client: File) -> Self {
            Networks { server, client }
        }

        /// Moves the calling thread to the server's side.
        pub fn to_servers(&self) -> io::Result<()> {
            enter(&self.server)
        }

        /// Moves the calling thread to the client's side.
        pub fn to_clients(&self) -> io::Result<()> {
            enter(&self.client)
        }

        /// The same, with the error's context.
        pub fn enter_servers(&self) -> anyhow::Result<()> {
            self.to_servers()
                .context("cannot enter the server's network")
        }

        /// The same, with the error's context.
        pub fn enter_clients(&self) -> anyhow::Result<()> {
            self.to_clients()
                .context("cannot enter the client's network")
        }
    }
}
