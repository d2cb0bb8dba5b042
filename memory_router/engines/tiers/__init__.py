"""Remember and recall: the embedded engine behind `backends/totalrecall`."""
