"""The verbs as a page in a browser on this machine: everything done there is a file in the planner's folder."""
