//! Distribution transparency: the client socket_3, which connects and says where.

use super::{Case, Exercise, Host, Kind, Role, common};
use crate::misconceptions::{self as m};
use crate::ports::Protocol;

pub static EXERCISE: Exercise = Exercise {
    name: "transparency-socket3",
    roles: &[Role {
        kind: Kind::Client,
        package: "transparency-socket3",
        arguments: "--host {host} --port {port}",
        host: Host::Loopback,
        port: 80,
        protocol: Protocol::Tcp,
        cases: CLIENT,
        remark: "",
    }],
};

static CLIENT: &[Case] = &[
    Case {
        id: "connects",
        name: "connects, says with which address, and ends with exit code 0",
        rests_on: &[],
        play: |stage| {
            let listener = stage.listen()?;
            stage.start("")?;
            let _server = stage.accept(&listener)?;
            let ip = stage.address.ip().to_string();
            common::must_print(stage, ip.as_bytes(), &[], &m::NOT_PRINTED)?;
            common::ends_well(stage, "after it had connected")
        },
    },
    Case {
        id: "no-server",
        name: "fails with an exit code other than 0 when nobody listens",
        rests_on: &["connects"],
        play: |stage| common::nobody_listens(stage, ""),
    },
];
