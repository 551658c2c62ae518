exec start ansible-playbook -i localhost, -c local play.yml
