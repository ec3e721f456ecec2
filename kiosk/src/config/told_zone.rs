//! A time zone of nothing but the offsets that the portal told.
//!
//! The terminal's own zone data may be older than the law that moved its clocks. What the portal
//! told is put into the form that every reader of zones takes: a TZif file (RFC 9636).

use jiff::tz::TimeZone;
use pikir_contract::UtcOffset;

/// What the zone is called wherever it has to be called something; no data of any system is meant.
const NAME: &str = "Told/By-Portal";
/// The abbreviation of every offset, for nobody to see.
const ABBREVIATION: &[u8] = b"LCL\0";

/// The zone in which each offset holds from its moment on; the first one holds before it, too.
///
/// # Errors
/// There is no offset.
pub fn of(offsets: &[UtcOffset]) -> anyhow::Result<TimeZone> {
    anyhow::ensure!(!offsets.is_empty(), "no offset is told");
    Ok(TimeZone::tzif(NAME, &tzif(offsets))?)
}

/// One type a change, in their order; times before the first change have the first type (§3.2).
fn tzif(offsets: &[UtcOffset]) -> Vec<u8> {
    let mut file = header(0, 1);
    // The 32-bit part of version 1, which readers of later versions skip.
    push_type(&mut file, 0);
    file.extend_from_slice(ABBREVIATION);
    file.extend(header(offsets.len(), offsets.len()));
    for offset in offsets {
        let seconds = offset.from.unix_ms().div_euclid(1_000);
        file.extend(seconds.to_be_bytes());
    }
    // The contract bounds their number far below 256.
    file.extend((0..offsets.len()).map(|at| at as u8));
    for offset in offsets {
        push_type(&mut file, i32::from(offset.minutes) * 60);
    }
    file.extend_from_slice(ABBREVIATION);
    // No rule for the time after the last change: its offset stays.
    file.extend_from_slice(b"\n\n");
    file
}

fn header(times: usize, types: usize) -> Vec<u8> {
    let mut header = b"TZif2".to_vec();
    header.extend([0; 15]);
    let counts = [0, 0, 0, times, types, ABBREVIATION.len()];
    for count in counts {
        header.extend((count as u32).to_be_bytes());
    }
    header
}

fn push_type(file: &mut Vec<u8>, offset_s: i32) {
    file.extend(offset_s.to_be_bytes());
    // Never summer time; the only abbreviation.
    file.extend([0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn zone(offsets: &[(&str, i16)]) -> TimeZone {
        let told: Vec<UtcOffset> = offsets
            .iter()
            .map(|(from, minutes)| UtcOffset {
                from: from.parse().unwrap(),
                minutes: *minutes,
            })
            .collect();
        of(&told).unwrap()
    }

    fn offset_s(zone: &TimeZone, utc: &str) -> i32 {
        zone.to_offset(utc.parse::<Timestamp>().unwrap()).seconds()
    }

    #[test]
    fn each_offset_holds_from_its_moment_on_the_first_before_it_and_the_last_for_ever() {
        let almaty = zone(&[("2023-01-01T00:00:00Z", 360), ("2024-02-29T18:00:00Z", 300)]);
        for (utc, hours) in [
            ("1970-01-01T00:00:00Z", 6),
            ("2023-06-01T00:00:00Z", 6),
            ("2024-02-29T17:59:59Z", 6),
            ("2024-02-29T18:00:00Z", 5),
            ("2100-01-01T00:00:00Z", 5),
        ] {
            assert_eq!(offset_s(&almaty, utc), hours * 3_600, "{utc}");
        }
    }

    #[test]
    fn an_offset_may_be_negative_and_of_half_an_hour_and_stand_alone() {
        let newfoundland = zone(&[("2026-01-01T00:00:00Z", -210)]);
        assert_eq!(offset_s(&newfoundland, "2027-01-01T00:00:00Z"), -12_600);
    }

    #[test]
    fn as_many_offsets_as_the_contract_allows_are_read() {
        let many: Vec<(String, i16)> = (0..pikir_contract::MAX_UTC_OFFSETS)
            .map(|at| (format!("{}-06-01T00:00:00Z", 1_900 + at), at as i16))
            .collect();
        let many: Vec<(&str, i16)> = many.iter().map(|(from, it)| (from.as_str(), *it)).collect();
        assert_eq!(offset_s(&zone(&many), "1950-07-01T00:00:00Z"), 50 * 60);
    }
}
