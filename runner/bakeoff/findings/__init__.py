"""Numbers become statements with their evidence: answer, reasons, diagnoses, fairness and facts. Pure."""
