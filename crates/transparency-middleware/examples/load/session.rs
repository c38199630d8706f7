//! Calls through this library's own client, plain or with TLS.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use transparency_middleware::client::{Procedure, Session};
use transparency_middleware::tls::Trust;

use crate::ARGUMENTS;

/// Calls for a while, one at a time; gives each call's time. `trust` is the file of `--ca`, or `-`.
pub(crate) fn call(url: &str, trust: &str, seconds: Duration) -> anyhow::Result<Vec<Duration>> {
    let connect = || -> anyhow::Result<Session> {
        let mut builder = Session::builder("realm1").routers([url]);
        if trust != "-" {
            builder = builder.trust(Trust::from_file(Path::new(trust)).context("whom to trust")?);
        }
        builder.connect().context("cannot connect")
    };
    let (caller, callee) = (connect()?, connect()?);
    callee.register(Procedure::new("bench.echo", |(text,): (String,)| Ok(text)))?;
    let mut times = Vec::with_capacity(1 << 18);
    // A tenth of the time passes before the first call counts.
    for (counts, seconds) in [(false, seconds / 10), (true, seconds)] {
        let deadline = Instant::now() + seconds;
        let mut now = Instant::now();
        while now < deadline {
            let answer: String = caller.call("bench.echo", &(ARGUMENTS,))?;
            anyhow::ensure!(answer == ARGUMENTS, "{answer} is not an echo");
            let before = std::mem::replace(&mut now, Instant::now());
            if counts {
                times.push(now - before);
            }
        }
    }
    Ok(times)
}
