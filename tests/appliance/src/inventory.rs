//! An Ansible inventory of simulated appliances.

use lxca_appliance::Appliance;
use serde_json::Value;

/// A YAML inventory: the group `lxca` with a host for each appliance, named `lxca1` and so on. The variables have the
/// names of the client's environment variables, in lower case; tasks run where the playbook runs.
pub(crate) fn of(appliances: &[Appliance]) -> String {
    let mut text = String::from("lxca:\n  vars:\n    ansible_connection: local\n  hosts:\n");
    for (number, appliance) in (1..).zip(appliances) {
        text.push_str(&format!("    lxca{number}:\n"));
        let variables = [
            ("host", appliance.host().into()),
            ("port", appliance.port().into()),
            ("username", appliance.username().into()),
            ("password", appliance.password().into()),
            ("ca_path", Value::from(appliance.ca_path().display().to_string())),
        ];
        for (name, value) in variables {
            // Every JSON string is a YAML string.
            text.push_str(&format!("      lxca_{name}: {value}\n"));
        }
    }
    text
}
