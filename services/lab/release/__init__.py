"""Another release of provbus beside this one."""
