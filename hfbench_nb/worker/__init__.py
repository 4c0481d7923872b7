"""The process that measures.  Standard library only, but for `backends`, which alone import a framework."""
