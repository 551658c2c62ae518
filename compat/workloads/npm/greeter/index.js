exports.name = 'greeter'
