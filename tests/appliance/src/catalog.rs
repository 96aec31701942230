//! What the repositories of a fresh appliance hold. Names follow the documented forms; the packages are made up.

use crate::package::Package;

/// Machine types the appliance knows, as `type`, `displayType`, `category`, `name` and `inventoryMT`
/// (docs/lxca-api.md, Reading it: `supportedMts`).
pub(crate) const MACHINE_TYPES: [(&str, &str, &str, &str, bool); 4] = [
    ("7X06,7X05", "7X06", "server", "Lenovo ThinkSystem SR650 Server", true),
    ("7X02", "7X02", "server", "Lenovo ThinkSystem SR630 Server", false),
    ("8721,7893", "8721", "chassis", "Lenovo Flex System Enterprise Chassis", true),
    ("7159BF7,7159BR6,7159HC9", "7159", "rackswitch", "Lenovo RackSwitch G8124E", false),
];

/// Firmware updates: four in the catalog, one of them downloaded; a fifth appears with the first refresh.
pub(crate) fn firmware() -> Vec<Package> {
    let package = |fixid: &str, name: &str, version: &str, size, comp: &str, types: &[&str]| Package {
        comp: comp.into(),
        machine_types: types.iter().map(ToString::to_string).collect(),
        build_number: fixid.split(['_', '-']).nth(3).unwrap_or_default().to_uppercase(),
        ..Package::new(fixid, name, version, size)
    };
    vec![
        Package {
            downloaded: true,
            severity: 2,
            ..package(
                "lnvgy_fw_uefi_ive180g-3.41_anyos_32-64",
                "Lenovo ThinkSystem SR630/SR650 UEFI Firmware Update",
                "3.41",
                16_823_414,
                "UEFI",
                &["7X06", "7X05", "7X02"],
            )
        },
        package(
            "lnvgy_fw_xcc_cdi3a8n-9.40_anyos_noarch",
            "Lenovo ThinkSystem XClarity Controller Firmware Update",
            "9.40",
            72_118_390,
            "XCC",
            &["7X06", "7X05", "7X02"],
        ),
        Package {
            severity: 1,
            ..package(
                "lnvgy_fw_lxpm_pdl142k-2.11_anyos_noarch",
                "Lenovo XClarity Provisioning Manager Update",
                "2.11",
                318_767_104,
                "LXPM",
                &["7X06", "7X05"],
            )
        },
        Package {
            severity: 4,
            ..package(
                "lnvgy_fw_cmm_2pet24d-2.5.12d_anyos_noarch",
                "Lenovo Flex System Chassis Management Module Firmware Update",
                "2.5.12",
                61_204_480,
                "CMM",
                &["8721", "7893"],
            )
        },
        Package {
            listed: false,
            ..package(
                "lnvgy_fw_uefi_ive184h-3.60_anyos_32-64",
                "Lenovo ThinkSystem SR630/SR650 UEFI Firmware Update",
                "3.60",
                16_900_102,
                "UEFI",
                &["7X06", "7X05", "7X02"],
            )
        },
    ]
}

/// UpdateXpress System Packs: two in the catalog, none downloaded.
pub(crate) fn uxsps() -> Vec<Package> {
    ["7x06", "7x02"]
        .iter()
        .map(|machine| Package {
            comp: "UXSP".into(),
            machine_types: vec![machine.to_uppercase()],
            ..Package::new(
                &format!("lnvgy_utl_uxsp_{machine}-26a_anyos_32-64"),
                &format!("UpdateXpress System Pack for {}", machine.to_uppercase()),
                "26a",
                1_420_000_000,
            )
        })
        .collect()
}

/// Updates of the management server: its own next version, and three repository packs. The first pack has the fix ID
/// of the documents' example, the last one the older form with a hyphen (docs/lxca-api.md, By fix id).
pub(crate) fn management(version: &str) -> Vec<Package> {
    let next = next_version(version);
    let server = Package {
        build_number: "291".into(),
        comp: "LXCA".into(),
        machine_types: vec!["lxca".into()],
        severity: 2,
        is_server: true,
        ..Package::new(
            &format!("lnvgy_sw_lxca_291-{next}_anyos_noarch"),
            &format!("Lenovo XClarity Administrator Virtual Appliance {next}"),
            &next,
            // Between 2 and 4 GiB: beyond a signed 32-bit number, as the documents' example is.
            2_913_206_272,
        )
    };
    let pack = |fixid: &str, name: &str, version: &str, build: &str, size| Package {
        build_number: build.into(),
        latest: false,
        machine_types: vec!["lxca".into()],
        ..Package::new(fixid, name, version, size)
    };
    vec![
        server,
        pack(
            "lnvgy_sw_lxca_cmmswitchrepo1-1.1.0_anyos_noarch",
            "Lenovo XClarity Administrator Repository Pack for Flex CMM and Switches",
            "1.1.0",
            "SWITCH-01",
            3_846_012_416,
        ),
        pack(
            "lnvgy_sw_lxca_thinksystemrepo4-4.0.0_anyos_noarch",
            "Lenovo XClarity Administrator Repository Pack for ThinkSystem",
            "4.0.0",
            "THINK-04",
            9_211_445_760,
        ),
        Package {
            change_history: None,
            ..pack(
                "lnvgy_sw_lxca-fw-repository-pack_2-3.1.0_anyos_noarch",
                "Lenovo XClarity Administrator Firmware Repository Pack 2",
                "3.1.0",
                "PACK-02",
                5_100_273_664,
            )
        },
    ]
}

/// The version after this one: its last number and one.
pub(crate) fn next_version(version: &str) -> String {
    let (start, last) = version.rsplit_once('.').unwrap_or((version, "0"));
    let last: u64 = last.parse().unwrap_or(0);
    format!("{start}.{}", last + 1)
}
