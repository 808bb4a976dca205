"""Models to other systems and back: one system a module, whose library is imported when it is used."""
