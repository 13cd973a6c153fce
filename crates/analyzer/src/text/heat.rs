//! Requests by hour and weekday.

use super::style::{Style, count, sparkline};
use crate::report::{HeatReport, Report, WEEKDAYS};

/// Shorter logs than two days have no weekdays to compare.
const HOURS_MIN: u64 = 48;

pub(super) fn section(report: &Report, style: &Style) -> String {
    let heat = &report.usage.heat;
    let hours: u64 = heat.iter().map(|hour| hour.hours).sum();
    let Some(busiest) = busiest(heat).filter(|_| hours >= HOURS_MIN) else { return String::new() };
    let most = heat.iter().filter_map(HeatReport::each).fold(0.0, f64::max);
    let mut text = style.heading("Hours and weekdays");
    text.push_str(&style.line(2, sentence(busiest)));
    text.push_str("             0     6     12    18\n");
    for weekday in WEEKDAYS {
        let hours = heat.iter().filter(|hour| hour.weekday == weekday);
        let bars: Vec<Option<f64>> = hours.map(HeatReport::each).collect();
        if bars.iter().any(Option::is_some) {
            text.push_str(&format!("  {weekday:<9}  {}\n", sparkline(&bars, most).trim_end()));
        }
    }
    text
}

/// The hour of the week that has the most requests each time.
pub(crate) fn busiest(heat: &[HeatReport]) -> Option<&HeatReport> {
    let each = |hour: &HeatReport| hour.each().unwrap_or_default();
    let used = heat.iter().rev().filter(|hour| hour.requests > 0);
    used.max_by(|one, other| each(one).total_cmp(&each(other)))
}

/// When that is.
pub(crate) fn sentence(busiest: &HeatReport) -> String {
    let HeatReport { weekday, hour, .. } = busiest;
    let requests = match busiest.each().unwrap_or_default().round() as u64 {
        0 => "less than one request".to_owned(),
        requests => count(requests, "request"),
    };
    format!("the busiest hour is {weekday} {hour:02}:00 UTC with {requests}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(weekday: &'static str, requests: u64, hours: u64) -> HeatReport {
        HeatReport { weekday, hour: 9, requests, hours }
    }

    #[test]
    fn the_busiest_hour_is_that_with_the_most_requests_each_time() {
        let heat = [hour("Monday", 3, 10), hour("Tuesday", 4, 10), hour("Friday", 4, 11)];
        let busiest = busiest(&heat).unwrap();
        let expected = "the busiest hour is Tuesday 09:00 UTC with less than one request";
        assert_eq!(sentence(busiest), expected);
        let expected = "the busiest hour is Friday 09:00 UTC with 1 request";
        assert_eq!(sentence(&hour("Friday", 3, 4)), expected);
    }
}
