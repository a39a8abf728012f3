# Screens: keys begin with rider-, driver- or console-.

rider-title = 택시 부르기
