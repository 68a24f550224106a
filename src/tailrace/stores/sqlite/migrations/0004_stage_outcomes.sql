-- What a stage hands on says how the run ends too, where the stage has decided that.

UPDATE stages SET output = json_object('result', json(output), 'outcome', NULL);
