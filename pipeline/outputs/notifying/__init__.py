"""Who is told and how: one small file for each kind of receiver, behind one interface."""
