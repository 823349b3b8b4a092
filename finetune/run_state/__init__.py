"""State of a run that is kept on disk or shared between its processes."""
