"""What the server answers under ``/api/v1``: one module a subject, no logic of its own."""
