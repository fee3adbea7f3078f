"""The steps that make the tables, each a small file in `versions`; `HEAD` names the last one."""

HEAD = "0010"
