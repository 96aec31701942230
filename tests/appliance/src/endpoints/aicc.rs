//! `GET /aicc`: the appliance about itself (docs/lxca-api.md, Appliance facts).

use std::sync::LazyLock;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::clock;
use crate::plays::Phase;
use crate::reply::Reply;
use crate::routes::Call;

/// Time zones as `name`, offset and offset with daylight saving in minutes, from the public time-zone database.
const TIME_ZONES: &str = include_str!("../../data/timezones.txt");

static ZONES: LazyLock<Value> = LazyLock::new(|| TIME_ZONES.lines().filter_map(zone).collect());

/// Answers `GET /aicc`. Status is always `Normal`, as it is in the documents.
pub(crate) fn get(call: &Call<'_>) -> Reply {
    let state = &*call.state;
    let (version, build) = state.shown_version();
    let body = json!({
        "appliance": {
            "build": build,
            "date": clock::underscored(SystemTime::now()),
            "name": state.name,
            "runlevel": if state.phase() == Some(Phase::Restarting) { 6 } else { 3 },
            "status": "Normal",
            "uuid": state.uuid,
            "version": version,
        },
        "appliance_states": [
            { "description": "Halt the appliance", "runlevel": 0 },
            { "description": "Normal operation", "runlevel": 3 },
            { "description": "Restart the appliance", "runlevel": 6 },
        ],
        "date": { "timezones": *ZONES, "utc_offset": 0 },
        "network_interfaces": [{
            "id": "eth0",
            "ip_addresses": [{
                "assign_method": "static",
                "ip": state.settings.listen.to_string(),
                "ip_linklocal": "false",
                "prefix_length": 8,
                "version": if state.settings.listen.is_ipv4() { 4 } else { 6 },
            }],
            "mac_address": "02:00:00:00:00:0A",
            "role": ["management"],
            "rpf": "RFC3704Strict",
        }],
        "ntp": { "servers": [{
            "authenticated": false,
            "server": "ntp.example",
            "v3_key": "",
            "v3_key_index": 0,
            "v3_key_type": "",
            "version": 1,
        }] },
        "services": [
            { "id": "core", "initd": "xhmc-core", "pid": 2051, "state": 0 },
            { "id": "web", "initd": "httpd", "pid": 2307, "state": 0 },
        ],
        "service_states": [
            { "description": "Service is running", "state": 0 },
            { "description": "Service is not running", "state": 3 },
            { "description": "Service state is unknown", "state": 4 },
            { "description": "Service is to be restarted", "state": 191 },
        ],
        "subscriptions": [{
            "id": 1,
            "monitor_uri": "/aicc/network/interfaces",
            "submonitor_uri": "",
            "uri": "/netchange",
        }],
    });
    Reply::json(200, body)
}

fn zone(line: &str) -> Option<Value> {
    let mut parts = line.split(' ');
    let name = parts.next()?;
    let raw: i64 = parts.next()?.parse().ok()?;
    let summer: i64 = parts.next()?.parse().ok()?;
    let milliseconds = |minutes: i64| minutes * 60_000;
    let place = name.rsplit('/').next().unwrap_or(name).replace('_', " ");
    let (sign, hours, minutes) = (if raw < 0 { '-' } else { '+' }, raw.abs() / 60, raw.abs() % 60);
    Some(json!({
        "daylight_saves": milliseconds(summer - raw),
        // Long, to come near the size of a real answer.
        "display_name": format!(
            "(GMT{sign}{hours:02}:{minutes:02}) {place}: standard time of the zone {name}, {raw} minutes from \
             Coordinated Universal Time (UTC), daylight saving {summer} minutes"
        ),
        "id": name,
        "offset": milliseconds(raw),
        "uses_daylight": summer != raw,
        "utc_offset_raw": milliseconds(raw),
        "utc_offset_w_dst": milliseconds(summer),
    }))
}
