//! The page that Prometheus reads, in its text format.

use prometheus::core::Collector;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Error, TextEncoder};

/// The media type of the page.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What has something to say on the page.
pub trait Told {
    /// Puts it there.
    fn tell(&self, page: &mut Page);
}

/// All that is told at one moment.
#[derive(Debug, Default)]
pub struct Page(Vec<MetricFamily>);

impl Page {
    /// Adds what `meter` has counted.
    pub(super) fn meter(&mut self, meter: &impl Collector) {
        // A family that nothing was counted in has no lines.
        for mut family in meter.collect().into_iter().filter(|family| !family.get_metric().is_empty()) {
            family.mut_metric().sort_by(|one, other| labels(one).cmp(labels(other)));
            self.0.push(family);
        }
    }

    /// Adds a value that only grows while the server runs.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) {
        let mut counter = Counter::default();
        counter.set_value(value);
        let mut metric = Metric::default();
        metric.set_counter(counter);
        self.family(name, help, MetricType::COUNTER, vec![metric]);
    }

    /// Adds a value of this moment.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, MetricType::GAUGE, vec![gauge(value)]);
    }

    /// Adds values of this moment, each with what `label` is for it.
    pub fn gauges<V: Into<String>>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (V, f64)>,
    ) {
        let labelled = values.into_iter().map(|(labelled, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(label.to_owned());
            pair.set_value(labelled.into());
            let mut metric = gauge(value);
            metric.set_label(vec![pair]);
            metric
        });
        let metrics: Vec<Metric> = labelled.collect();
        if !metrics.is_empty() {
            self.family(name, help, MetricType::GAUGE, metrics);
        }
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(metrics);
        self.0.push(family);
    }

    /// The page as text.
    ///
    /// # Errors
    ///
    /// None in practice: every family has a name and lines.
    pub fn text(self) -> Result<String, Error> {
        TextEncoder::new().encode_to_string(&self.0)
    }
}

fn labels(metric: &Metric) -> impl Iterator<Item = &str> {
    metric.get_label().iter().map(LabelPair::value)
}

fn gauge(value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::default();
    metric.set_gauge(gauge);
    metric
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Handlers;

    #[test]
    fn a_page_has_lines_only_for_what_there_is() {
        let mut page = Page::default();
        Handlers::default().tell(&mut page);
        page.gauges("none", "Nothing.", "kind", Vec::<(&str, f64)>::new());
        page.gauges("some", "Two things.", "kind", [("a \"b\"\n", 1.0), ("c", 2.5)]);
        page.counter("all_total", "All.", 12_345_678_901.0);
        let expected = "# HELP some Two things.\n# TYPE some gauge\nsome{kind=\"a \\\"b\\\"\\n\"} 1\nsome{kind=\"c\"} 2.5\n\
            # HELP all_total All.\n# TYPE all_total counter\nall_total 12345678901\n";
        assert_eq!(page.text().unwrap(), expected);
    }
}
