# Screens: keys begin with rider-, driver- or console-.

rider-title = Book a taxi
