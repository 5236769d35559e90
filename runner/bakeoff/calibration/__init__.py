"""Is the load generator to be believed: an oracle of known delays, the certificate, and the doctor of the machine."""
