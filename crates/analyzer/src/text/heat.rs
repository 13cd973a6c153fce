//! Requests by hour and weekday.

use super::style::{Style, count, sparkline};
use crate::report::{HeatReport, Report, WEEKDAYS};

/// Shorter logs than two days have no weekdays to compare.
const HOURS_MIN: u64 = 48;

pub(super) fn section(report: &Report, style: &Style) -> String {
    let heat = &report.usage.heat;
    let hours: u64 = heat.iter().map(|hour| hour.hours).sum();
    let Some(busiest) = busiest(heat).filter(|_| hours >= HOURS_MIN) else { return String::new() };
    let each = |hour: &HeatReport| hour.each().map(|requests| requests as f64);
    let most = heat.iter().filter_map(each).fold(0.0, f64::max);
    let mut text = style.heading("Hours and weekdays");
    text.push_str(&format!("  {}\n", sentence(busiest)));
    text.push_str("             0     6     12    18\n");
    for weekday in WEEKDAYS {
        let hours = heat.iter().filter(|hour| hour.weekday == weekday);
        let bars: Vec<Option<f64>> = hours.map(each).collect();
        if bars.iter().any(Option::is_some) {
            text.push_str(&format!("  {weekday:<9}  {}\n", sparkline(&bars, most).trim_end()));
        }
    }
    text
}

/// The hour of the week that has the most requests each time.
pub(crate) fn busiest(heat: &[HeatReport]) -> Option<&HeatReport> {
    heat.iter().rev().filter(|hour| hour.requests > 0).max_by_key(|hour| hour.each())
}

/// When that is.
pub(crate) fn sentence(busiest: &HeatReport) -> String {
    let HeatReport { weekday, hour, .. } = busiest;
    let requests = count(busiest.each().unwrap_or_default(), "request");
    format!("the busiest hour is {weekday} {hour:02}:00 UTC with {requests}")
}
