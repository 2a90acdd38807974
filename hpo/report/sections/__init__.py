"""The sections of the report, each from the analysis to tables, figures and sentences.

How a document is written is the business of `document`.
"""
