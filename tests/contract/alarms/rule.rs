//! When an alarm fires: at least m of n data points in a row are beyond its threshold.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-evaluation>

use serde_json::Value;

/// What an alarm compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    periods: usize,
    datapoints: usize,
    threshold: f64,
    is_breached_by_threshold: bool,
    is_breached_by_missing: bool,
}

impl Rule {
    /// Reads the properties of an alarm in the template.
    pub(super) fn read(alarm: &Value) -> Result<Self, String> {
        let number = |name: &str| alarm[name].as_u64().and_then(|number| usize::try_from(number).ok());
        let periods = number("EvaluationPeriods").ok_or("there are no EvaluationPeriods")?;
        let datapoints = number("DatapointsToAlarm").unwrap_or(periods);
        if !(1..=periods).contains(&datapoints) {
            return Err(format!("{datapoints} data points of {periods}"));
        }
        Ok(Self {
            periods,
            datapoints,
            threshold: alarm["Threshold"].as_f64().ok_or("there is no Threshold")?,
            is_breached_by_threshold: match alarm["ComparisonOperator"].as_str() {
                Some("GreaterThanThreshold") => false,
                Some("GreaterThanOrEqualToThreshold") => true,
                other => return Err(format!("ComparisonOperator {other:?} is not supported here")),
            },
            is_breached_by_missing: match alarm["TreatMissingData"].as_str() {
                Some("notBreaching") => false,
                Some("breaching") => true,
                other => return Err(format!("TreatMissingData {other:?} is not supported here")),
            },
        })
    }

    /// Whether the alarm fires at any time. Before the first data point nothing is missing.
    pub(super) fn fires(&self, series: &[Option<f64>]) -> bool {
        let breaches: Vec<bool> = series.iter().map(|datapoint| self.is_breached_by(*datapoint)).collect();
        (1..=breaches.len()).any(|end| {
            let last = &breaches[end.saturating_sub(self.periods)..end];
            last.iter().filter(|breach| **breach).count() >= self.datapoints
        })
    }

    fn is_breached_by(&self, datapoint: Option<f64>) -> bool {
        let Some(value) = datapoint else { return self.is_breached_by_missing };
        value > self.threshold || (self.is_breached_by_threshold && value >= self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(changes: &Value) -> Result<Rule, String> {
        let mut alarm = json!({
            "EvaluationPeriods": 3,
            "DatapointsToAlarm": 2,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        });
        for (name, value) in changes.as_object().unwrap() {
            alarm[name] = value.clone();
        }
        Rule::read(&alarm)
    }

    const BELOW: Option<f64> = Some(5.0);
    const BEYOND: Option<f64> = Some(6.0);

    #[test]
    fn it_fires_if_m_of_n_periods_in_a_row_are_beyond_the_threshold() {
        for (series, expected) in [
            (vec![], false),
            (vec![BEYOND], false),
            (vec![BEYOND, BEYOND], true),
            (vec![BEYOND, BELOW, BEYOND], true),
            (vec![BEYOND, None, BEYOND], true),
            (vec![BEYOND, BELOW, None, BEYOND], false),
            (vec![BELOW; 9], false),
            (vec![None, BELOW, BEYOND, BEYOND, BELOW], true),
        ] {
            assert_eq!(rule(&json!({})).unwrap().fires(&series), expected, "{series:?}");
        }
        assert!(!rule(&json!({"DatapointsToAlarm": null})).unwrap().fires(&[BEYOND, BEYOND]));
    }

    #[test]
    fn the_threshold_and_missing_data_count_as_the_alarm_says() {
        assert!(rule(&json!({"ComparisonOperator": "GreaterThanOrEqualToThreshold"})).unwrap().fires(&[BELOW; 2]));
        assert!(rule(&json!({"TreatMissingData": "breaching"})).unwrap().fires(&[BELOW, None, None]));
        assert!(!rule(&json!({})).unwrap().fires(&[None; 9]));
    }

    #[test]
    fn what_it_does_not_know_is_an_error() {
        for change in [
            json!({"ComparisonOperator": "LessThanThreshold"}),
            json!({"TreatMissingData": "ignore"}),
            json!({"TreatMissingData": null}),
            json!({"DatapointsToAlarm": 4}),
            json!({"Threshold": "5"}),
            json!({"EvaluationPeriods": null}),
        ] {
            assert!(rule(&change).is_err(), "{change}");
        }
    }
}
