"""From a description's text to its model, with the line of every mistake."""
