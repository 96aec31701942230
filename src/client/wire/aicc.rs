//! `GET /aicc` (docs/lxca-api.md, Appliance facts).

use super::{Number, Object, Text, record};

record! {
    /// What the appliance says of itself.
    pub struct Appliance {
        /// Name of the appliance.
        name: Text = "name",
        /// Version of XClarity Administrator, such as `4.0.0`.
        version: Text = "version",
        /// Build; decimal digits in a string.
        build: Text = "build",
        /// UUID of the appliance.
        uuid: Text = "uuid",
        /// The appliance's clock, `YYYY-MM-DD_HH-MM-SS`.
        date: Text = "date",
        /// 0 halted, 3 running, 6 restarting.
        runlevel: Number = "runlevel",
        /// Always `Normal`: says nothing about health.
        status: Text = "status",
    }
}

record! {
    /// The answer: the appliance, and some 180 KB of networks, services and time zones.
    pub struct Aicc {
        /// What the appliance says of itself.
        appliance: Object<Appliance> = "appliance",
    }
}
