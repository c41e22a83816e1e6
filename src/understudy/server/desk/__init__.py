"""The Desk: a page to look at worlds and steer them, and the calls of the control plane that it makes beside the others.

1. Its files are sent as one document (`page`); everything it shows it has from the control plane, like anyone else.
2. Nothing here changes a record: the page calls the API itself, as its document declares.
"""
