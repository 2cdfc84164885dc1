"""The chart's dashboards as pictures, drawn from what a Prometheus holds."""
