"""The processes of one home: servers, monitors and workers."""
